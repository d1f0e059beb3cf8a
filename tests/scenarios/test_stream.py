"""No packet of a flow is lost, and none has another source, while podnet changes other things around it."""

from __future__ import annotations

import pytest

from tests.lab.probe import address
from tests.scenarios.racks import CLUSTERS, Racks, place
from tests.scenarios.stream import streams

ENDS = (("hdss7-21-pod1", "hdss7-22-pod1"), ("hdss7-21-pod1", "outside"))
SOURCES = [{"172.7.21.2"}, {"10.4.7.21"}]
"""A pod keeps its address inside of the cluster, and hides behind its node outside of it."""

THIRD = "  hdss7-23: {{address: 10.4.7.{}/24, subnet: 172.7.23.0/24}}\n"
ELSEWHERE = "ip_masq: {{enabled: true, non_masquerade_cidrs: [{}]}}\n"


@pytest.fixture
def wider(applied, tmp_path):
    """Write the node's spec with one more node at an address, and one more destination that sees the pods' own."""

    def write(host, cidr):
        path = tmp_path / f"{host}.yaml"
        lines = applied.spec.read_text().splitlines(keepends=True)
        start = next(number for number, line in enumerate(lines) if line.startswith("ip_masq:"))
        end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith((" ", "#")))
        text = "".join([*lines[:start], ELSEWHERE.format(cidr), *lines[end:]]).rstrip("\n") + "\n"
        path.write_text(text.replace("subnet_max: 172.7.22.0", "subnet_max: 172.7.23.0") + THIRD.format(host))
        return path

    return write


@pytest.fixture
def strict(applied, applied_peer):
    """Both nodes as podnet makes them; the router knows no way to pods, by which their packets would come too."""
    routes = [f"172.7.{number}.0/24 via 10.4.7.{number}" for number in ("21", "22")]
    for route in routes:
        applied.lab.run("router", ["ip", "route", "del", *route.split()])
    yield applied, applied_peer
    for route in routes:
        applied.lab.run("router", ["ip", "route", "add", *route.split()])


def work(node, *words):
    done = node.podnet(*words, "--yes")
    assert (done.code, done.stdout.startswith("No changes")) == (0, False), done.stderr


def test_nothing_is_lost_while_podnet_works(strict, wider):
    first, second = wider(23, "203.0.113.0/24"), wider(24, "203.0.113.0/25")
    with streams(strict[0].lab, *ENDS) as flowing:
        for node in strict:
            work(node, "apply", first)  # one more route, and a chain that is filled anew
        for node in strict:
            work(node, "apply", second)  # another next hop for that route
        for node in strict:
            work(node, "rollback")
        for node in strict:
            work(node, "apply", node.spec)
        seen = flowing.stop()
    assert [(len(flow.lost), flow.sent > 0, {*flow.sources}) for flow in seen] == [
        (0, True, sources) for sources in SOURCES
    ]


def test_chain_that_is_empty_for_a_moment_is_noticed(strict):
    here, there = strict
    with streams(here.lab, *ENDS) as flowing:
        here.shell("iptables-$1 -t nat -F PODNET-POSTROUTING; sleep 0.3", here.backend)
        there.shell("iptables-$1 -F PODNET-FORWARD; sleep 0.3", there.backend)
        to_pod, outside = flowing.stop()
    assert (len(to_pod.lost) > 0, "172.7.21.2" in outside.sources) == (True, True)


WIDER = "ip_masq: {{non_masquerade_cidrs: [{}]}}\ndefaults:"
BEYOND = {4: ("192.0.2.0", 24), 6: ("2001:db8:2::", 48)}
WAYS = {"spec": Racks.apply, "saved plan": Racks.apply_by_plan}


def grown(cluster, more):
    """Return a spec with one more node, and one more destination that sees the pods' own addresses."""
    text = cluster.spec_of({**cluster.nodes, "r1-n3": place(1, 13 + more, 13, cluster.families)})
    beyond = [BEYOND[version] for version in cluster.families]
    cidrs = ", ".join(f"'{destination}/{length + more}'" for destination, length in beyond)
    return text.replace("defaults:", WIDER.format(cidrs))


FEW = ("vxlan, IPv6, nft", "saved plan")


@pytest.mark.parametrize(
    ("cluster", "way"),
    [
        pytest.param(CLUSTERS[name], way, marks=() if (name, way) == FEW else pytest.mark.soak, id=f"{name}, {way}")
        for name in CLUSTERS
        for way in WAYS
    ],
)
def test_nothing_is_lost_beside_a_cluster_that_grows_and_changes(racks, cluster, way):
    near, far = ("r1-n1", "r1-n2" if "host-gw" in cluster.backend else "r2-n1")
    apply, pod = WAYS[way], f"{near}-pod1"
    racks.apply(cluster.spec, [near, far])
    with streams(racks.lab, (pod, f"{far}-pod1"), (pod, "outside"), versions=cluster.families) as flowing:
        apply(racks, grown(cluster, 0), [near, far])  # a route, and a chain that is filled anew
        apply(racks, grown(cluster, 1), [near, far])  # another next hop for that route, or another end of the tunnel
        for node in (near, far):
            racks.rollback(node)
        apply(racks, cluster.spec, [near, far])
        seen = flowing.stop()
    assert [(len(flow.lost), flow.sent > 0, {*flow.sources}) for flow in seen] == [
        (0, True, {address(racks.lab, host, version)}) for version in cluster.families for host in (pod, near)
    ]
