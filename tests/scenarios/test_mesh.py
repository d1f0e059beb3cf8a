"""Pods of two racks: packets pass with their own addresses, and no other node notices what happens to one."""

from __future__ import annotations

import itertools

import pytest

from netplan.kinds.link.value import derived_lladdr
from netplan.net import Address
from tests.lab.probe import address, source_seen
from tests.scenarios.racks import BOTH, IPV4, IPV6, nodes, passes, place, rack_1, spec_text
from tests.scenarios.stream import streams

TUNNEL = "{type: vxlan}"
DIRECT = "{type: vxlan, direct_routing: true}"
PODS = tuple(f"{name}-pod1" for name in nodes())
PAIRS = tuple(itertools.permutations(PODS, 2))
FAMILIES = {"IPv4": IPV4, "both": BOTH, "IPv6": IPV6}
RARE = (("IPv4", DIRECT), ("IPv6", TUNNEL))
"""What `make soak` alone tries: both families are tried either way."""


def unreached(racks, families=BOTH, pairs=PAIRS, size=1400):
    return [
        (source, target, version)
        for source, target in pairs
        for version in families
        if not passes(racks.lab, source, target, size, version=version)
    ]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((families, backend), marks=pytest.mark.soak if (families, backend) in RARE else ())
        for families in FAMILIES
        for backend in (TUNNEL, DIRECT)
    ],
    ids=lambda param: f"{param[0]}-{'direct' if param[1] == DIRECT else 'tunnel'}",
)
def meshed(request, racks_lab):
    """The racks with a tunnel on every node, their spec, and its families."""
    families, backend = FAMILIES[request.param[0]], request.param[1]
    spec = spec_text(backend, nodes(families))
    racks_lab.reset()
    racks_lab.apply(spec)
    return racks_lab, spec, families


def test_large_packets_pass_between_all_pods(meshed):
    racks, _, families = meshed
    assert unreached(racks, families) == []


def test_pods_see_each_others_own_addresses(meshed):
    racks, _, families = meshed
    seen = {(*pair, family): source_seen(racks.lab, *pair, version=family) for pair in PAIRS for family in families}
    assert seen == {
        (source, target, version): address(racks.lab, source, version)
        for source, target in PAIRS
        for version in families
    }


def test_the_plan_after_an_apply_is_empty(meshed):
    racks, spec, _ = meshed
    assert [racks.podnet(node, "plan", spec, "--live", "--exit-code").code for node in nodes()] == [0] * len(nodes())


@pytest.mark.parametrize("backend", [TUNNEL, DIRECT], ids=["tunnel", "direct"])
def test_packets_pass_also_where_the_kernel_checks_the_way_back_strictly(racks, backend):
    racks.apply(spec_text(backend))
    strictly(racks, 1)
    lost = unreached(racks, IPV4)
    strictly(racks, 0)
    assert lost == []


def strictly(racks, value):
    for node in nodes():
        racks.shell(node, f"for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo {value} > $file; done")


BACKENDS = {
    "host-gw": "{type: host-gw}",
    "a tunnel": TUNNEL,
    "a tunnel where it needs one": DIRECT,
    "another VNI": "{type: vxlan, vni: 77}",
    "another port": "{type: vxlan, port: 4789}",
    "another name": "{type: vxlan, name: flannel.1}",
    "another MTU": "{type: vxlan, mtu: 1400}",
}
RACK_1 = rack_1(BOTH)
WITHIN = ("r1-n1-pod1", "r1-n2-pod1")


def test_pods_of_a_rack_reach_each_other_after_each_switch(racks):
    for backend in BACKENDS.values():
        racks.apply(spec_text(backend, RACK_1), list(RACK_1))
        assert unreached(racks, BOTH, [*itertools.permutations(WITHIN)]) == []


def test_ten_switches_to_a_tunnel_and_back_lose_nothing_and_leave_the_state_of_a_fresh_node(racks):
    specs = [spec_text(backend, RACK_1) for backend in (TUNNEL, BACKENDS["host-gw"])]
    fresh = {}
    for spec in specs:
        racks.reset()
        racks.apply(spec, ["r1-n1"])
        fresh[spec] = racks.state("r1-n1")
    racks.apply(specs[0], ["r1-n2"])
    with streams(racks.lab, WITHIN, versions=BOTH) as flowing:
        for spec in specs * 5:
            racks.apply(spec, ["r1-n1"])
            assert racks.state("r1-n1") == fresh[spec]
        seen = flowing.stop()
    assert [(len(flow.lost), flow.sent > 0) for flow in seen] == [(0, True)] * 2


def test_a_whole_rack_that_needs_no_tunnel_gets_one_and_loses_nothing(racks):
    specs = [spec_text(backend, RACK_1) for backend in (DIRECT, BACKENDS["host-gw"])]
    racks.apply(specs[0], [*RACK_1])
    with streams(racks.lab, WITHIN, WITHIN[::-1], versions=BOTH) as flowing:
        for spec in [specs[1], *specs]:
            racks.apply(spec, [*RACK_1])
        seen = flowing.stop()
    assert [(len(flow.lost), flow.sent > 0) for flow in seen] == [(0, True)] * 4


NODES = nodes(BOTH)
WITHOUT = {name: text for name, text in NODES.items() if name != "r2-n2"}
RESUBNETTED = {**NODES, "r2-n2": place(2, 12, 99, BOTH)}
MOVED = {**NODES, "r2-n2": place(1, 13, 22, BOTH)}


@pytest.mark.parametrize("backend", [TUNNEL, DIRECT], ids=["tunnel", "direct"])
def test_others_lose_no_packet_while_a_node_leaves_comes_moves_and_gets_another_subnet(racks, backend):
    racks.apply(spec_text(backend, NODES))
    ends = (("r1-n1-pod1", "r2-n1-pod1"), ("r2-n1-pod1", "r1-n2-pod1"), WITHIN)
    with streams(racks.lab, *ends, versions=BOTH) as flowing:
        for changed in (WITHOUT, RESUBNETTED, MOVED, NODES):
            racks.apply(spec_text(backend, changed), [*WITHOUT])
        seen = flowing.stop()
    assert [(len(flow.lost), flow.sent > 0) for flow in seen] == [(0, True)] * 6


def ways(number, lladdr, verb="create"):
    """Name what leads to a node through the tunnel, but for its routes."""
    ends = [f"10.32.{number}.0", f"fd00:32:0:{number}::"]
    return [*(f"{verb} neighbour {end} dev podnet.1" for end in ends), f"{verb} fdb {lladdr} dev podnet.1"]


def routes(number, verb):
    return [f"{verb} route 10.32.{number}.0/24", f"{verb} route fd00:32:0:{number}::/64 metric 1024"]


def lladdr(address):
    return derived_lladdr(Address.parse(address))


OLD = ways(22, lladdr("10.60.2.12"), "delete")
NEAR = ways(22, lladdr("10.60.1.13"))


@pytest.mark.parametrize(
    ("backend", "node", "after", "changes"),
    [
        (TUNNEL, "r1-n1", WITHOUT, [*routes(22, "delete"), *OLD]),
        (DIRECT, "r1-n1", WITHOUT, [*routes(22, "delete"), *OLD]),
        (DIRECT, "r2-n1", WITHOUT, routes(22, "delete")),
        (DIRECT, "r1-n1", MOVED, [*routes(22, "update"), *OLD]),
        (DIRECT, "r2-n1", MOVED, [*routes(22, "update"), *NEAR]),
        (TUNNEL, "r1-n1", MOVED, [*(text.replace("create", "update") for text in NEAR[:2]), NEAR[2], OLD[2]]),
    ],
)
def test_a_node_that_leaves_or_moves_changes_exactly_what_leads_to_it(racks, backend, node, after, changes):
    racks.apply(spec_text(backend, NODES), [node])
    plan = racks.podnet(node, "plan", spec_text(backend, after), "--live", "--format", "json")
    assert plan.changes == changes


def test_a_node_that_comes_changes_exactly_what_leads_to_it(racks):
    racks.apply(spec_text(TUNNEL, WITHOUT), ["r1-n1"])
    plan = racks.podnet("r1-n1", "plan", spec_text(TUNNEL, NODES), "--live", "--format", "json")
    assert plan.changes == [*routes(22, "create"), *ways(22, lladdr("10.60.2.12"))]


@pytest.fixture
def moved(racks):
    """The racks with tunnels, after node r2-n2 has been plugged into the switch of rack 1; it is brought home later."""
    racks.apply(spec_text(DIRECT, NODES))
    rewire(racks, 1, 13, "sw0")
    yield racks
    rewire(racks, 2, 12, "sw1")


def rewire(racks, rack, host, switch):
    racks.lab.holder.run("", ["ip", "link", "set", "sw1p2", "master", switch])
    racks.shell(
        "r2-n2",
        f"""
        ip address flush dev eth0 scope global
        ip address add 10.60.{rack}.{host}/24 dev eth0
        ip address add fd00:60:{rack}::{host}/64 dev eth0
        ip route replace default via 10.60.{rack}.254
        ip -6 route replace default via {gateway(racks, rack)}
        """,
    )


def gateway(racks, rack):
    """Return the router's IPv6 address in a rack."""
    addresses = (address.address for address in racks.lab.host("router").addresses)
    return next(str(address) for address in addresses if str(address).startswith(f"fd00:60:{rack}:"))


def test_all_pods_reach_each_other_after_a_node_has_moved(moved):
    moved.apply(spec_text(DIRECT, MOVED))
    assert unreached(moved) == []
