"""Tunnels: what breaks is put right, what others made is taken over, and all is as flannel makes it."""

from __future__ import annotations

import os
import re

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests import make
from tests.scenarios.racks import BOTH, NODES, RACK_1, Racks, nodes, passes, spec_text

TUNNEL = spec_text("{type: vxlan}")
DIRECT = spec_text("{type: vxlan, direct_routing: true}")


@pytest.fixture
def applied(racks):
    """The racks with a tunnel on the first node."""
    racks.apply(TUNNEL, ["r1-n1"])
    return racks


def test_a_packet_that_does_not_fit_into_the_tunnel_is_refused(racks):
    racks.apply(TUNNEL, ["r1-n1", "r2-n1"])
    passed = [passes(racks.lab, "r1-n1-pod1", "r2-n1-pod1", size, timeout=0.5) for size in (1450, 1451)]
    assert passed == [True, False]


def test_a_packet_that_does_not_fit_into_the_tunnel_passes_without_it(racks):
    racks.apply(DIRECT, list(RACK_1))
    assert passes(racks.lab, "r1-n1-pod1", "r1-n2-pod1", 1500)


def test_remove_leaves_nothing_of_a_tunnel(racks):
    done = [racks.podnet("r1-n1", verb, TUNNEL, "--yes").code for verb in ("apply", "remove")]
    assert done == [0, 0]
    assert not re.search("podnet|proto 112|vxlan", racks.state("r1-n1"), re.IGNORECASE)


DEAD = {
    "a rule": (
        "iptables-nft -A INPUT -p udp --dport 8472 -j DROP",
        "filter INPUT 1: -p udp -m udp --dport 8472 -j DROP",
    ),
    "all but answers": (
        "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables-nft -A INPUT -j REJECT",
        "filter INPUT 2: -j REJECT --reject-with icmp-port-unreachable",
    ),
    "a rule of firewalld's": (
        """nft 'table inet firewalld { chain filter_INPUT {
            type filter hook input priority 10; ct state established accept; tcp dport 22 accept; reject
        }; }'""",
        "nft inet firewalld filter_INPUT 3: -j REJECT",
    ),
}


@pytest.mark.parametrize("firewall", list(DEAD))
def test_a_firewall_that_keeps_the_tunnel_out_is_drift_with_the_rule_to_blame(racks, firewall):
    rules, blamed = DEAD[firewall]
    racks.apply(TUNNEL, ["r1-n1", "r2-n1"])
    racks.shell("r1-n1", rules)
    drift = racks.podnet("r1-n1", "drift", TUNNEL)
    assert not passes(racks.lab, "r2-n1-pod1", "r1-n1-pod1", timeout=0.5)
    assert (drift.code, "! traffic tunnel from r1-n2, r2-n1, r2-n2 (udp)" in drift.stdout) == (1, True)
    assert f"now: {blamed}" in drift.stdout


def test_a_firewall_that_lets_the_tunnel_in_is_no_drift(racks):
    racks.apply(TUNNEL, ["r1-n1", "r2-n1"])
    answers = "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    racks.shell("r1-n1", f"{answers}; iptables-nft -A INPUT -p udp --dport 8472 -j ACCEPT; iptables-nft -P INPUT DROP")
    assert passes(racks.lab, "r2-n1-pod1", "r1-n1-pod1")
    assert racks.podnet("r1-n1", "drift", TUNNEL).code == 0


LINK = "podnet.1"
ROUTES = ["create route 10.32.12.0/24", "create route 10.32.21.0/24", "create route 10.32.22.0/24"]
NEIGHBOURS = [f"create neighbour 10.32.{number}.0 dev podnet.1" for number in (12, 21, 22)]
MACS = ("0e:2a:0a:3c:01:0c", "0e:2a:0a:3c:02:0b", "0e:2a:0a:3c:02:0c")
FDB = [f"create fdb {mac} dev podnet.1" for mac in MACS]
ADDRESS = "create address 10.32.11.0/32 dev podnet.1"
ACCEPT_RA = "create sysctl net.ipv6.conf.podnet/1.accept_ra"


def _there(*creates):
    """Return the changes of what is there already, though it goes as its link or address changes."""
    return [create.replace("create ", "update ") for create in creates]


ANEW = f"""
ip link del {LINK}
ip link add {LINK} type vxlan id 1 dstport 4789 local 10.60.1.11 dev eth0 nolearning
ip link set {LINK} alias podnet up
ip address add 10.32.11.0/32 dev {LINK}
bridge fdb add 0e:2a:0a:3c:02:0b dst 10.60.2.11 dev {LINK}
"""
NEAR = f"""
ip address del 10.32.11.0/32 dev {LINK}
ip address add 10.32.11.0/32 dev {LINK} scope link
ip route add 10.32.12.0/24 via 10.32.12.0 dev {LINK} onlink proto 112
"""
SABOTAGE = {
    "the tunnel goes down and comes up": (f"ip link set {LINK} down; ip link set {LINK} up", [*ROUTES, *NEIGHBOURS]),
    "the tunnel goes down": (f"ip link set {LINK} down", [f"update link {LINK}", *ROUTES, *NEIGHBOURS]),
    "the tunnel is deleted": (
        f"ip link del {LINK}",
        [f"create link {LINK}", ADDRESS, *ROUTES, *NEIGHBOURS, *FDB, ACCEPT_RA],
    ),
    "the tunnel is made anew with another port": (
        ANEW,
        [
            f"update link {LINK}",
            *_there(ADDRESS),
            *ROUTES,
            *NEIGHBOURS,
            FDB[0],
            *_there(FDB[1]),
            FDB[2],
            ACCEPT_RA,
        ],
    ),
    "the tunnel gets another MTU": (f"ip link set {LINK} mtu 1400", [f"update link {LINK}"]),
    "the tunnel gets another link-layer address": (
        f"ip link set {LINK} address 0e:2a:00:00:00:01",
        [f"update link {LINK}", *NEIGHBOURS],
    ),
    "the address goes": (f"ip address del 10.32.11.0/32 dev {LINK}", [ADDRESS, *ROUTES, *NEIGHBOURS]),
    "the address gets another scope": (
        NEAR,
        [*_there(ADDRESS, ROUTES[0]), *ROUTES[1:], *NEIGHBOURS],
    ),
    "there is another address": (
        f"ip address add 10.32.99.0/32 dev {LINK}",
        ["delete address 10.32.99.0/32 dev podnet.1"],
    ),
    "a neighbour goes": (f"ip neighbour del 10.32.21.0 dev {LINK}", [NEIGHBOURS[1]]),
    "a neighbour is asked for": (
        f"ip neighbour replace 10.32.21.0 lladdr 0e:2a:00:00:00:01 nud stale dev {LINK}",
        [NEIGHBOURS[1]],
    ),
    "a neighbour is stale": (
        f"ip neighbour add 10.32.99.0 lladdr 0e:2a:00:00:00:01 nud permanent dev {LINK}",
        ["delete neighbour 10.32.99.0 dev podnet.1"],
    ),
    "an entry leads to another host": (
        f"bridge fdb replace {MACS[1]} dst 10.60.2.99 dev {LINK}",
        [f"update fdb {MACS[1]} dev podnet.1"],
    ),
    "an entry leads to another port": (
        f"bridge fdb replace {MACS[1]} dst 10.60.2.11 port 4789 dev {LINK}",
        [f"update fdb {MACS[1]} dev podnet.1"],
    ),
    "an entry is stale": (
        f"bridge fdb add 0e:2a:00:00:00:01 dst 10.60.2.99 port 4789 dev {LINK}",
        ["delete fdb 0e:2a:00:00:00:01 dev podnet.1"],
    ),
    "a route is no longer on-link": (
        f"ip route replace 10.32.21.0/24 dev {LINK} proto 112",
        ["update route 10.32.21.0/24"],
    ),
    "advertisements are accepted": (
        f"echo 1 > /proc/sys/net/ipv6/conf/{LINK}/accept_ra",
        ["update sysctl net.ipv6.conf.podnet/1.accept_ra"],
    ),
}


@pytest.mark.parametrize("happened", list(SABOTAGE))
def test_what_happens_to_a_tunnel_is_named_and_repaired(applied, happened):
    script, changes = SABOTAGE[happened]
    before = applied.state("r1-n1")
    applied.shell("r1-n1", script)
    drift = applied.podnet("r1-n1", "drift", TUNNEL, "--format", "json")
    fix = applied.podnet("r1-n1", "drift", TUNNEL, "--fix")
    assert (drift.code, drift.changes) == (1, changes)
    assert (fix.code, applied.state("r1-n1")) == (0, before), fix.stderr


def test_what_a_tunnel_of_both_families_loses_as_it_goes_down_is_named_and_repaired(racks):
    spec = spec_text("{type: vxlan}", nodes(BOTH))
    racks.apply(spec, ["r1-n1"])
    before = racks.state("r1-n1")
    racks.shell("r1-n1", f"ip link set {LINK} down; ip link set {LINK} up")
    drift = racks.podnet("r1-n1", "drift", spec, "--format", "json")
    fix = racks.podnet("r1-n1", "drift", spec, "--fix")
    own = [f"create address fd00:32:0:11::/128 dev {LINK}"]
    routes = [f"create route fd00:32:0:{number}::/64 metric 1024" for number in (12, 21, 22)]
    ends = [f"create neighbour fd00:32:0:{number}:: dev {LINK}" for number in (12, 21, 22)]
    assert sorted(drift.changes) == sorted([*own, *ROUTES, *routes, *NEIGHBOURS, *ends])
    assert (fix.code, racks.state("r1-n1")) == (0, before), fix.stderr


def test_a_new_tunnel_says_what_can_not_be_changed(applied):
    plan = applied.podnet("r1-n1", "plan", spec_text("{type: vxlan, port: 4789}"), "--live").stdout
    assert "a new one: port can't be changed" in plan


def test_what_goes_with_a_tunnel_that_is_made_anew_is_guarded(applied):
    alone = spec_text("{type: vxlan, port: 4789}", {"r1-n1": NODES["r1-n1"]})
    refused = applied.podnet("r1-n1", "apply", alone, "--yes")
    done = applied.podnet("r1-n1", "apply", alone, "--yes", "--allow-many-deletes")
    assert (refused.code, "--allow-many-deletes: 3 of podnet's 3 routes would go" in refused.stderr) == (3, True)
    assert (done.code, applied.shell("r1-n1", f"ip route show dev {LINK}")) == (0, ""), done.stderr


FLANNEL = """
ip link add flannel.1 type vxlan id 1 dstport 8472 local 10.60.1.11 dev eth0 nolearning
ip link set flannel.1 address 22:b5:5b:b0:88:ad up
ip address add 10.32.11.0/32 dev flannel.1
for peer in 12:10.60.1.12:f6:41:ad:6c:69:01 21:10.60.2.11:f6:41:ad:6c:69:02 98:10.60.2.98:f6:41:ad:6c:69:98; do
    net=${peer%%:*}; rest=${peer#*:}; host=${rest%%:*}; mac=${rest#*:}
    ip neighbour add 10.32.$net.0 lladdr $mac nud permanent dev flannel.1
    bridge fdb add $mac dst $host dev flannel.1
    ip route add 10.32.$net.0/24 via 10.32.$net.0 dev flannel.1 onlink
done
"""
"""What flannel made of r1-n1, and left there of a node that is gone."""

FLANNELS = """
ip route; ip -d link show flannel.1; ip address show flannel.1
ip neighbour show nud permanent dev flannel.1; bridge fdb show dev flannel.1
"""

TAKEN_OVER = spec_text("{type: vxlan, name: flannel.1, adopt: true}")


@pytest.fixture
def flannel(racks):
    """The racks with what flannel made of r1-n1."""
    racks.shell("r1-n1", FLANNEL)
    return racks


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("{type: vxlan}", "take that away first: ip link del flannel.1"),
        ("{type: vxlan, name: flannel.1}", "which is flannel's by its name; adopt it (backend: adopt: true)"),
        ("{type: vxlan, name: flannel.1, adopt: true, port: 4789}", "can't become flannel.1"),
    ],
)
def test_a_foreign_tunnel_is_not_touched_unless_it_is_adopted(flannel, backend, said):
    before = flannel.state("r1-n1")
    done = flannel.podnet("r1-n1", "apply", spec_text(backend), "--yes")
    assert (done.code, said in done.stderr, flannel.state("r1-n1")) == (3, True, before)


def test_an_adopted_tunnel_becomes_what_a_new_one_would_be(racks):
    racks.apply(TAKEN_OVER, ["r1-n1"])
    fresh = sorted(racks.state("r1-n1").split())
    racks.reset()
    racks.shell("r1-n1", FLANNEL)
    racks.apply(TAKEN_OVER, ["r1-n1"])
    assert sorted(racks.state("r1-n1").split()) == fresh
    assert "10.32.98.0" not in racks.shell("r1-n1", "ip route")


def test_an_adopted_tunnel_is_the_same_device_as_before(flannel):
    before = flannel.shell("r1-n1", "cat /sys/class/net/flannel.1/ifindex")
    flannel.apply(TAKEN_OVER, ["r1-n1"])
    assert flannel.shell("r1-n1", "cat /sys/class/net/flannel.1/ifindex") == before


def test_rollback_gives_an_adopted_tunnel_back(flannel):
    before = sorted(flannel.shell("r1-n1", FLANNELS).splitlines())
    flannel.apply(TAKEN_OVER, ["r1-n1"])
    flannel.rollback("r1-n1")
    assert sorted(flannel.shell("r1-n1", FLANNELS).splitlines()) == before


def flannels(racks):
    """Return what is there of flannel's, without the numbers that the kernel gives to devices."""
    return sorted(re.sub(r"^\d+: ", "", line) for line in racks.shell("r1-n1", FLANNELS).splitlines())


def test_remove_takes_an_adopted_tunnel_away_and_says_how_flannels_state_comes_back(flannel):
    before = flannels(flannel)
    flannel.apply(TAKEN_OVER, ["r1-n1"])
    done = flannel.podnet("r1-n1", "remove", TAKEN_OVER, "--yes")
    (number,) = re.findall("`podnet rollback ([0-9]+)` restores what", done.stderr)
    assert (done.code, "Pods here and those of 3 other subnets no longer reach" in done.stderr) == (0, True)
    assert "flannel" not in flannel.shell("r1-n1", "ip link; ip route")
    flannel.rollback("r1-n1", number)
    assert flannels(flannel) == before


def test_a_saved_plan_may_adopt(flannel):
    path = flannel.folder / "plan.json"
    flannel.podnet("r1-n1", "plan", TAKEN_OVER, "--live", "--out", str(path))
    done = flannel.apply_saved("r1-n1", path)
    assert (done.code, flannel.podnet("r1-n1", "drift", TAKEN_OVER).code) == (0, 0), done.stderr


NAT = spec_text(
    "{type: vxlan}",
    {**NODES, "r2-n2": "{address: 10.60.2.12/24, subnet: 10.32.22.0/24, public_address: 203.0.113.12}"},
)


def test_peers_send_to_the_public_address_of_a_node_behind_a_nat(racks):
    racks.shell("router", "iptables-nft -t nat -A PREROUTING -d 203.0.113.12 -j DNAT --to 10.60.2.12")
    racks.apply(NAT, ["r1-n1", "r2-n2"])
    pods = ("r1-n1-pod1", "r2-n2-pod1")
    assert [passes(racks.lab, *pair) for pair in (pods, pods[::-1])] == [True, True]


def test_the_state_is_flannels_but_for_the_name_and_what_is_random(tmp_path):
    spec = spec_text(
        "{type: vxlan, name: flannel.1}",
        {
            "hdss7-21": "{address: 10.4.7.21/24, subnet: 172.7.21.0/24}",
            "hdss7-22": "{address: 10.4.7.22/24, subnet: 172.7.22.0/24}",
        },
    ).replace("10.32.0.0/16", "172.7.0.0/16")
    topology = replace(parse(spec, "s.yaml").topology, cluster=f"flannel-{os.getpid()}")
    with Lab.temporary(topology, pods=1) as lab:
        racks = Racks(lab, tmp_path)
        racks.apply(spec, ["hdss7-21"])
        ours = racks.shell(
            "hdss7-21",
            "ip -d route show dev flannel.1; ip -d link show flannel.1; bridge fdb show dev flannel.1; "
            "ip -4 neighbour show dev flannel.1 nud permanent",
        )
    flannel = (make.CAPTURES / "flannel-0.11.0-vxlan-node21.txt").read_text()
    assert likened(ours) == likened("\n".join(flannel.splitlines()[2:]))


def likened(text):
    """Return what the tools print, without MACs, indexes, protocols, and what only one kernel or tool says."""
    text = re.sub(r"(?m)^\s*alias .*\n?", "", text)
    text = re.sub(r"([0-9a-f]{2}:){5}(?!ff)[0-9a-f]{2}", "MAC", text)
    text = re.sub(r"^\d+: ", "", text, flags=re.MULTILINE)
    text = re.sub(r"proto \w+|dev flannel\.1|qlen \d+", "", text)
    return [line.split() for line in text.splitlines()]
