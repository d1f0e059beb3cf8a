"""What a tunnel brings from a peer must be let in: a firewall that refuses it is named."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.cli.views.lines import traffic_lines
from netplan.desired.compile import compile_removal
from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.kinds.route.value import Route
from netplan.netfilter.iptables.operands import Masked
from netplan.planning.traffic.classes import classes_of
from netplan.planning.traffic.effects import effects
from tests import make
from tests.trace import states

A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"
FAR = "c: {address: 10.4.8.23/24, subnet: 172.7.23.0/24, public_address: 203.0.113.23}"
TUNNEL = "{type: vxlan}"


def of_others(state):
    """Return a state whose routes are another program's."""
    return state.replace(Route, [replace(route, protocol=4) for route in state.all(Route)])


def told(*rules, backend=TUNNEL, policy="ACCEPT", nodes=(A, B, FAR)):
    """Return the lines about tunnels in a plan for a node whose INPUT has such rules."""
    saved = [rule if rule.startswith("-A") else f"-A INPUT {rule}" for rule in rules]
    state = of_others(states.state("\n".join(["*filter", f":INPUT {policy} [0:0]", ":ufw-user-input - [0:0]", *saved])))
    desired = make.desired(make.spec(*nodes, backend=backend))
    lines = traffic_lines(effects(classes_of(desired), state, make.settled(desired, state)))
    return [(line.sign, str(line), line.blame) for line in lines if "tunnel" in line.traffic]


@pytest.mark.parametrize("rules", [(), ("-p udp -m udp --dport 8472 -j ACCEPT", "-j DROP")])
def test_of_a_tunnel_that_is_let_in_nothing_is_said(rules):
    assert told(*rules) == []


def test_a_rule_that_drops_the_tunnels_packets_is_to_blame():
    (line,) = told("-p tcp -m tcp --dport 22 -j ACCEPT", "-p udp -m udp --dport 8472 -j DROP")
    assert line == (
        "!",
        "tunnel from b, c (udp)    dropped",
        "now: filter INPUT 2: -p udp -m udp --dport 8472 -j DROP",
    )


def test_a_firewall_that_lets_only_answers_in_is_to_blame():
    (line,) = told("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", make.REJECT)
    assert line[0] == "!"
    assert line[2] == "now: filter INPUT 2, the distribution's REJECT"


def test_a_tunnel_is_no_matter_of_policy():
    (line,) = told("-j ufw-user-input", "-A ufw-user-input -p udp -j DROP")
    assert line[0] == "!"


def test_a_policy_that_drops_the_tunnels_packets_is_to_blame():
    (line,) = told(policy="DROP")
    assert line[2].startswith("now: filter INPUT")


def test_the_tunnels_own_port_is_the_one_that_counts():
    (line,) = told("-p udp -m udp --dport 4789 -j DROP", backend="{type: vxlan, port: 4789}")
    assert line[1].endswith("dropped")


def test_a_peer_behind_a_nat_sends_from_its_public_address():
    (line,) = told("-s 203.0.113.23/32 -p udp -j DROP")
    assert line[1] == "tunnel from c (udp)       dropped"


def test_a_peer_that_is_routed_directly_sends_nothing_into_the_tunnel():
    (line,) = told("-p udp -j DROP", backend="{type: vxlan, direct_routing: true}")
    assert line[1] == "tunnel from c (udp)       dropped"


def test_a_rule_that_goes_lets_the_tunnel_in():
    spec = make.spec(A, B, FAR, backend=TUNNEL, firewall='{remove: [{table: filter, rule: "-A INPUT -j DROP"}]}')
    desired, state = make.desired(spec), of_others(states.state("*filter\n-A INPUT -j DROP"))
    lines = traffic_lines(effects(classes_of(desired), state, make.settled(desired, state)))
    assert "tunnel from b, c (udp)    dropped -> let in" in map(str, lines)


def test_without_a_tunnel_none_is_wanted_to_be_let_in():
    assert told("-p udp -j DROP", backend="{type: host-gw}", nodes=(A, B)) == []


def test_a_node_that_podnet_leaves_needs_no_tunnel():
    spec = make.spec(A, B, FAR, backend=TUNNEL)
    assert not [each for each in classes_of(compile_removal(spec, spec.topology.nodes[0])) if "tunnel" in each.traffic]


def led_away(*objects, rules=(), nodes=(A, B)):
    """Return the lines about what goes into the tunnel of node a, whose routes and rules of routing are such."""
    there = of_others(states.state("\n".join(["*filter", *rules])))
    routes = [item for item in objects if isinstance(item, Route)]
    there = there.replace(Route, [*there.all(Route), *routes])
    there = there.replace(PolicyRule, [item for item in objects if isinstance(item, PolicyRule)])
    desired = make.desired(make.spec(*nodes, backend=TUNNEL))
    lines = traffic_lines(effects(classes_of(desired), there, make.settled(desired, there)))
    return [(line.traffic, line.after, line.blame) for line in lines if line.traffic.startswith("tunnel to")]


def test_a_route_to_a_peer_by_another_device_leads_the_tunnel_away():
    pushed = make.route("10.4.7.22/32", "10.8.0.1", "tun0", protocol=4)
    assert led_away(pushed) == [
        ("tunnel to b (udp)", "takes the wrong path by tun0", "now: route: 10.4.7.22/32 via 10.8.0.1 dev tun0")
    ]


def test_a_gateway_of_the_tunnels_device_may_lead_to_a_peer():
    assert led_away(make.route("10.4.7.22/32", "10.4.7.254", protocol=4)) == []


def test_a_rule_of_routing_that_leads_the_tunnel_away_is_to_blame():
    default = replace(make.route("0.0.0.0/0", None, "wg0", protocol=4), table=51820)
    rule = PolicyRule(100, 51820, mark=Masked(0xCA6C, 0xFFFFFFFF), negated=True)
    assert led_away(default, *DEFAULTS[:1], rule, *DEFAULTS[1:]) == [
        (
            "tunnel to b (udp)",
            "takes the wrong path by wg0",
            "now: policy rule 100: not from all fwmark 0xca6c lookup 51820",
        )
    ]


def test_a_rule_that_drops_what_goes_into_the_tunnel_is_to_blame():
    assert led_away(rules=["-A OUTPUT -p udp -m udp --dport 8472 -j DROP"]) == [
        ("tunnel to b (udp)", "dropped", "now: filter OUTPUT 1: -p udp -m udp --dport 8472 -j DROP")
    ]
