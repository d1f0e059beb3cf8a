"""Rules beside this node's iptables in clusters with tunnels and IPv6, as `test_company` has them of IPv4 alone."""

from __future__ import annotations

import pytest

from tests.scenarios.racks import CLUSTERS
from tests.scenarios.test_company import FIREWALLD, REFUSING

NODE = "r1-n1"
VALUES = {
    4: {"network": "10.32.0.0/16", "pod": "10.32.11.2", "other": "192.168.122.0/24", "far": "10.9.9.9"},
    6: {"network": "fd00:32::/48", "pod": "fd00:32:0:11::2", "other": "fd00:192:168::/48", "far": "fd00:9::9"},
}
RULES = {
    "masquerade": (
        "-t nat -A POSTROUTING -s {network} -j MASQUERADE",
        (3, "POSTROUTING 1 may give pod traffic to {network} another source: -s {network} -j MASQUERADE"),
    ),
    "masquerade of other networks": ("-t nat -A POSTROUTING -s {other} -j MASQUERADE", (0, "POSTROUTING (1 rule)")),
    "reject": ("-A FORWARD -j REJECT", (3, "FORWARD 1 may refuse pod traffic")),
    "destination NAT": (
        "-t nat -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination {far}",
        (3, "PREROUTING 1 may send pod traffic to {network} elsewhere"),
    ),
    "published port": (
        "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 80 -j DNAT --to-destination {pod}",
        (0, "PREROUTING (1 rule)"),
    ),
}
TABLES = {
    "masquerade by firewalld": (
        FIREWALLD % 'oifname != "lo" masquerade',
        (3, "nat_POST_public_allow 1 may give pod traffic to {network} another source: ! -o lo -j MASQUERADE"),
    ),
    "reject by nft": (REFUSING, (0, "forwarded 1 may refuse pod traffic")),
}
CASES = {**RULES, **TABLES}
DAILY = ("masquerade by firewalld", "published port")
LOOK = """
nft --stateless list ruleset
iptables-legacy-save | grep ^-A || true
ip6tables-legacy-save | grep ^-A || true
"""


def look(racks):
    """Read all that podnet may write, and the rules of all programs."""
    return racks.state(NODE) + racks.shell(NODE, LOOK)


def by_spec(racks, spec):
    return racks.podnet(NODE, "apply", spec, "--yes")


def by_saved_plan(racks, spec):
    path = racks.folder / "plan.json"
    planned = racks.podnet(NODE, "plan", spec, "--live", "--out", str(path))
    assert planned.code == 0, planned.stderr
    return racks.apply_saved(NODE, path)


WAYS = {"spec": by_spec, "saved plan": by_saved_plan}


def clusters(*few):
    """Make every cluster, version and way a parameter; all but a few take too long for every day."""
    every = [(name, version, way) for name in CLUSTERS for version in CLUSTERS[name].families for way in WAYS]
    return pytest.mark.parametrize(
        ("cluster", "version", "way"),
        [
            pytest.param(
                CLUSTERS[case[0]],
                *case[1:],
                marks=() if case in few else pytest.mark.soak,
                id=", ".join(map(str, case)),
            )
            for case in every
        ],
    )


def write(racks, cluster, version, case):
    """Write rules into the tables that the node's own iptables does not show."""
    text = CASES[case][0]
    if case in TABLES:
        out = "eth0" if "host-gw" in cluster.backend else "podnet.1"
        racks.shell(NODE, f"nft '{text.replace('eth0', out)}'")
    else:
        backend = "legacy" if cluster.firewall == "nft" else "nft"
        racks.shell(NODE, f"{'iptables' if version == 4 else 'ip6tables'}-{backend} {text.format(**VALUES[version])}")


@clusters(("vxlan, IPv6, nft", 6, "saved plan"))
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in DAILY else pytest.mark.soak) for case in CASES]
)
def test_rules_beside_a_cluster_are_refused_or_shown_and_stay(racks, cluster, version, way, case):
    write(racks, cluster, version, case)
    code, text = CASES[case][1]
    before = look(racks)
    done = WAYS[way](racks, cluster.spec)
    assert (done.code, text.format(**VALUES[version]) in " ".join((done.stdout + done.stderr).split())) == (
        code,
        True,
    ), done
    if code == 0:
        assert racks.podnet(NODE, "remove", cluster.spec, "--yes").code == 0
    assert look(racks) == before


@clusters(("vxlan, dual stack, legacy", 6, "saved plan"))
def test_rules_that_have_come_beside_a_cluster_since_are_refused(racks, cluster, version, way):
    path = racks.folder / "plan.json"
    racks.podnet(NODE, "plan", cluster.spec, "--live", "--out", str(path))
    write(racks, cluster, version, "masquerade")
    done = racks.apply_saved(NODE, path) if way == "saved plan" else by_spec(racks, cluster.spec)
    said = "the rules beside this iptables" if way == "saved plan" else "another source"
    assert (done.code, said in done.stderr) == (3, True), done


@clusters(("vxlan, IPv6, nft", 6, "spec"))
def test_rules_that_come_beside_a_cluster_are_drift(racks, cluster, version, way):
    assert WAYS[way](racks, cluster.spec).code == 0
    write(racks, cluster, version, "masquerade")
    codes = [
        racks.podnet(NODE, *words[:1], cluster.spec, *words[1:]).code for words in (("drift",), ("drift", "--fix"))
    ]
    assert codes == [1, 3]
