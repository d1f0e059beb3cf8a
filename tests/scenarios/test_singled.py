"""Drift sees what befalls any of many peers, not only the first ones: they need not be there, they are only routes."""

from __future__ import annotations

import pytest

from tests.scenarios.racks import BOTH, place, spec_text

NODES = {
    f"r{rack}-n{number}": place(rack, 10 + number, 10 * rack + number, BOTH)
    for rack, last in ((1, 6), (2, 3))
    for number in range(1, last + 1)
}
"""Those of the lab are among them: five peers on the segment, three behind the tunnel."""
SPEC = spec_text("{type: vxlan, direct_routing: true}", NODES)

RULES = {
    "iptables-nft $op FORWARD -d 10.32.16.0/24 -j REJECT": [
        "pod -> pod on r1-n6  rejected",
        "pod on r1-n6 -> pod here  replies rejected",
    ],
    "iptables-nft $op FORWARD -m iprange --src-range 10.32.15.0-10.32.15.255 -j DROP": [
        "pod -> pod on r1-n5  replies dropped",
        "pod on r1-n5 -> pod here  dropped",
    ],
    "ip6tables-nft $op FORWARD -d fd00:32:0:16::/64 -j REJECT": [
        "pod -> pod (IPv6) on r1-n6  rejected",
        "pod on r1-n6 -> pod here (IPv6)  replies rejected",
    ],
    "iptables-nft $op FORWARD -d 10.60.1.16 -j REJECT": [
        "pod -> node on r1-n6  rejected",
        "node on r1-n6 -> pod here  replies rejected",
    ],
    "iptables-nft $op INPUT -p udp -s 10.60.2.13 -j DROP": ["tunnel from r2-n3 (udp)  dropped"],
    "iptables-nft $op FORWARD -o eth0 -d 10.32.0.0/16 -j DROP": [
        "pod -> pod on r1-n2, r1-n3 and 3 more  dropped",
        "pod on r1-n2, r1-n3 and 3 more -> pod here  replies dropped",
    ],
}
"""What another program does about one peer of eight, and what drift says."""

ROUTING = {
    "ip rule $op to 10.32.16.0/24 unreachable": [
        "pod -> pod on r1-n6  rejected",
        "pod on r1-n6 -> pod here  replies rejected",
        "node -> pod on r1-n6  rejected",
    ],
    "ip route $op unreachable 10.32.23.0/25; ip route $op unreachable 10.32.23.128/25": [
        "pod -> pod on r2-n3  rejected",
        "pod on r2-n3 -> pod here  replies rejected",
        "node -> pod on r2-n3  rejected",
    ],
}

DEEDS = {
    **{text: (f"op=-I; {text}", f"op=-D; {text}", said) for text, said in RULES.items()},
    **{text: (f"op=add; {text}", f"op=del; {text}", said) for text, said in ROUTING.items()},
    "a table of nft's": (
        (
            "nft 'add table ip x; add chain ip x f {type filter hook forward priority 0;}; "
            "add rule ip x f ip daddr 10.32.16.0/24 drop'"
        ),
        "nft delete table ip x",
        ["pod -> pod on r1-n6  dropped", "pod on r1-n6 -> pod here  replies dropped"],
    ),
    "a chain that only packets to one peer come to": (
        (
            "iptables-nft -t mangle -N X; iptables-nft -t mangle -A PREROUTING -d 10.32.16.0/24 -j X; "
            "iptables-nft -t mangle -A X -j DROP"
        ),
        "nft delete table ip mangle",
        ["pod -> pod on r1-n6  dropped", "pod on r1-n6 -> pod here  replies dropped"],
    ),
}


@pytest.fixture(scope="module")
def applied(racks_lab):
    racks_lab.reset()
    racks_lab.apply(SPEC, ["r1-n1"])
    yield racks_lab
    racks_lab.reset()


@pytest.fixture(scope="module", params=list(DEEDS))
def episode(request, applied):
    """A node to which something is done about a peer: what drift says, and what it should."""
    deed, undo, said = DEEDS[request.param]
    applied.shell("r1-n1", deed)
    drifted = applied.podnet("r1-n1", "drift", SPEC)
    applied.shell("r1-n1", undo)
    return drifted, said


def test_a_node_of_many_peers_is_in_sync(applied):
    assert applied.podnet("r1-n1", "drift", SPEC).code == 0


def test_what_befalls_one_of_many_peers_is_drift(episode):
    assert episode[0].code == 1


def test_it_is_told_of_that_peer_alone(episode):
    drifted, said = episode
    lines = [line.partition("! traffic ")[2].partition("now:")[0] for line in drifted.stdout.splitlines()]
    assert [line.split() for line in lines if line] == [line.split() for line in said]
