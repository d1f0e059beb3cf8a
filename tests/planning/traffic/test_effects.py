from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.cli.views.lines import traffic_lines
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.traffic.classes import classes_of
from netplan.planning.traffic.effects import effects
from netplan.planning.traffic.judge import Fares, blamed, fares_of, fate
from netplan.trace import BRIDGE_CALLS, Tracer
from tests import make

KUBE_POSTROUTING = Chain(
    ChainKey(4, "nat", "KUBE-POSTROUTING"), (Rule.parse("-m mark ! --mark 0x4000/0x4000 -j RETURN"),)
)
DOCKER = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"


def node(nat=(), filter=(), ip_forward="1"):  # noqa: A002 - the table's name
    """Make the state of node a, with a default route and what its firewall holds."""
    return make.snapshot(
        make.saved(nat=nat, filter=filter),
        Sysctl(BRIDGE_CALLS[4], "1"),
        make.route("0.0.0.0/0", "10.4.7.254", protocol=3),
        ip_forward=ip_forward,
    )


def by_class(state, **keys):
    """Return the effects of a plan for node a, by their class."""
    desired = make.desired(make.spec(**keys))
    traced = effects(classes_of(desired), state, make.settled(desired, state))
    return {effect.probe.name: effect for effect in traced}


def words(state, traffic, **keys):
    return by_class(state, **keys)[traffic].words


def test_with_the_outside_left_to_the_firewall_only_what_it_refuses_to_pods_and_nodes_is_broken():
    told = by_class(node(filter=["-j DROP"]), forward="pods").items()
    unmarked = [(name, effect) for name, effect in told if "marked" not in name]
    whole = {name for name, effect in unmarked if not effect.broken}
    assert whole == {"pod -> outside", "outside -> pod", "node -> pod here"}


def test_with_the_outside_left_to_the_firewall_nothing_is_opened_for_it():
    state = node(filter=["-j DROP"])
    outside = {name: words(state, name, forward="pods")[1] for name in ("pod -> outside", "outside -> pod")}
    assert outside == {"pod -> outside": "dropped", "outside -> pod": "dropped"}


def test_a_pod_that_hides_behind_its_node_keeps_its_address_afterwards():
    assert words(node(nat=[DOCKER]), "pod -> pod") == ("source 10.4.7.21", "source kept")


def test_the_rule_that_hides_the_pod_is_to_blame():
    effect = by_class(node(nat=["-j LOG", DOCKER]))["pod -> pod"]
    assert effect.blame is not None
    assert blamed(effect.blame) == "nat POSTROUTING 2, docker's MASQUERADE"


def test_pods_reach_the_outside_under_the_nodes_address():
    assert words(node(), "pod -> outside") == ("not masqueraded", "source 10.4.7.21")


def test_pods_keep_their_address_towards_the_outside_where_podnet_does_not_masquerade():
    assert not by_class(node(), ip_masq="{enabled: false}")["pod -> outside"].stays_broken


def test_what_comes_from_outside_is_accepted_afterwards():
    refusing = node(filter=["-j REJECT --reject-with icmp-host-prohibited"])
    assert words(refusing, "outside -> pod") == ("rejected", "source kept")


def test_a_policy_that_stays_in_force_is_said():
    effect = by_class(node(filter=["-d 172.7.22.0/24 -j DROP"]))["pod -> pod"]
    assert effect.stays_broken
    assert effect.after_blame is not None
    assert effect.after_blame.at == "filter FORWARD 1"


def test_a_destination_that_must_see_the_pod_is_looked_at():
    effect = by_class(node(nat=[DOCKER]), ip_masq="{non_masquerade_cidrs: [10.9.0.0/16]}")["pod -> 10.9.0.0/16"]
    assert effect.words == ("source 10.4.7.21", "source kept")


def test_another_next_hop_is_said_where_nothing_else_differs():
    assert words(node(), "node -> pod") == ("source kept, via 10.4.7.254", "via 10.4.7.22")


def test_a_marked_packet_is_no_rule_s_fault():
    assert not by_class(node(nat=[DOCKER]))["pod -> pod marked 0x4000/0x4000"].broken


def lines_of_many(state, count, **keys):
    """Return the lines about traffic of the first of so many nodes, with the state of node a."""
    nodes = [f"n{n}: {{address: 10.4.7.{20 + n}/24, subnet: 172.7.{20 + n}.0/24}}" for n in range(1, count + 1)]
    desired = make.desired(make.spec(*nodes, **keys), "n1")
    after = make.settled(desired, state)
    lines = traffic_lines(effects(classes_of(desired), after, after))
    return [f"{line.sign} {' '.join(str(line).split())}" for line in lines]


def test_a_rule_about_any_of_many_peers_is_seen():
    assert lines_of_many(node(filter=["-d 172.7.60.0/24 -j REJECT"]), 100) == [
        "! pod -> pod on n40 rejected",
        "! pod on n40 -> pod here replies rejected",
    ]


def test_all_peers_are_counted_that_fare_as_those_who_stand_for_them():
    assert "! pod -> pod on n2, n3 and 3 more rejected" in lines_of_many(
        node(filter=["-o eth0 -d 172.7.0.0/16 -j REJECT"]), 6
    )


def test_peers_that_fare_otherwise_are_not_counted():
    rules = ["-d 172.7.26.0/24 -j ACCEPT", "-o eth0 -d 172.7.0.0/16 -j REJECT"]
    assert lines_of_many(node(filter=rules), 7) == [
        "! pod -> pod on n2, n3 and 3 more rejected",
        "! pod on n2, n3 and 3 more -> pod here replies rejected",
    ]


def test_every_peer_that_is_refused_is_counted():
    rules = [f"-s 172.7.{number}.0/24 -j DROP" for number in range(22, 121)]
    assert lines_of_many(node(filter=rules), 100) == [
        "! pod -> pod on n2, n3 and 97 more replies dropped",
        "! pod on n2, n3 and 97 more -> pod here dropped",
    ]


def test_single_pods_of_peers_are_told_of_by_their_addresses():
    rules = ["-s 172.7.22.2/32 -j DROP", "-d 192.168.0.1/32 -j ACCEPT"]
    assert lines_of_many(node(filter=rules), 100) == [
        "! pod -> pod on n2, only to 172.7.22.2 replies dropped",
        "! pod on n2 -> pod here, only from 172.7.22.2 dropped",
    ]


def test_json_says_what_was_wanted_and_what_is_to_blame():
    written = by_class(node(nat=[DOCKER]))["pod -> pod"].to_json()
    assert written["wanted"] == {
        "verdict": "accept",
        "source": "172.7.21.2",
        "destination": "172.7.22.2",
        "oif": "eth0",
        "next_hop": "10.4.7.22",
    }
    assert (written["broken"], written["blame"]) == (True, f"nat POSTROUTING 1: {DOCKER}")
    assert (written["before"]["source"], written["after"]["source"]) == ("10.4.7.21", "172.7.21.2")


def blame(state, traffic):
    """Return what is to blame for how traffic fares before a plan."""
    effect = by_class(state)[traffic]
    assert effect.blame is not None
    return blamed(effect.blame)


def test_what_should_be_masqueraded_and_is_not_is_blamed_on_no_rule():
    kube = ["-j KUBE-POSTROUTING"]
    state = node(nat=kube).replace(Chain, [*node(nat=kube).all(Chain), KUBE_POSTROUTING])
    assert blame(state, "pod -> outside") == "nat POSTROUTING: nothing masquerades it"


@pytest.mark.parametrize("rule", ["-o eth0 -j RETURN", "-s 172.7.21.0/24 -j ACCEPT"])
def test_rule_that_keeps_masquerading_away_is_to_blame(rule):
    assert blame(node(nat=[rule]), "pod -> outside") == f"nat POSTROUTING 1: {rule}"


def test_rule_that_keeps_nat_away_is_to_blame():
    untracked = Chain(ChainKey(4, "raw", "PREROUTING"), (Rule.parse("-s 172.7.21.0/24 -j NOTRACK"),), "ACCEPT")
    state = node().replace(Chain, [*node().all(Chain), untracked])
    assert blame(state, "pod -> outside") == "raw PREROUTING 1: -s 172.7.21.0/24 -j NOTRACK"


def fares(*rules):
    """Say how pod traffic to a peer fares after a plan, behind rules in FORWARD that stay."""
    return [name for name, effect in by_class(node(filter=rules)).items() if effect.stays_broken]


@pytest.mark.parametrize(("protocol", "named"), [("tcp", ""), ("udp", " (udp)")])
def test_a_drop_of_one_protocol_breaks_that_protocol_both_ways(protocol, named):
    names = [f"pod -> pod{named}", f"pod on peer -> pod here{named}"]
    assert fares(f"-s 172.7.21.0/24 -d 172.7.22.0/24 -p {protocol} -j DROP") == names


def test_a_drop_of_echo_requests_breaks_those_alone():
    rule = "-s 172.7.21.0/24 -d 172.7.22.0/24 -p icmp -m icmp --icmp-type 8 -j DROP"
    assert fares(rule) == ["pod -> pod (icmp)"]


def lines(*rules):
    """Return the lines of what a plan for node a can't mend, behind rules in FORWARD that stay, without blame."""
    shown = traffic_lines(by_class(node(filter=rules)).values())
    return [f"{line.traffic}: {line.after}" for line in shown if line.sign == "!"]


def test_a_drop_for_one_pod_is_told_of_that_pod():
    assert lines("-s 172.7.21.2/32 -m state --state NEW -j DROP") == [
        "pod -> pod here, only from 172.7.21.2: dropped",
        "pod -> pod on b, only from 172.7.21.2: dropped",
        "pod -> node on b, only from 172.7.21.2: dropped",
    ]


def test_a_drop_of_one_port_is_told_of_that_port():
    assert lines("-d 172.7.22.0/24 -p tcp -m tcp --dport 20000 -j DROP") == ["pod -> pod (tcp 20000) on b: dropped"]


def test_a_rule_about_one_pod_does_not_hide_the_rule_about_all():
    state = node(filter=["-s 172.7.21.2/32 -j DROP", "-s 172.7.21.0/24 -d 172.7.22.0/24 -j DROP"])
    effect = by_class(state)["pod -> pod"]
    assert (effect.stays_broken, effect.probe.only) == (True, ())


def test_one_address_of_a_peer_that_is_led_away_is_told():
    astray = make.route("172.7.22.9/32", "10.4.7.254", protocol=4)
    state = node().replace(Route, [*node().all(Route), astray])
    shown = [line for line in traffic_lines(by_class(state).values()) if line.sign == "!"]
    assert [(line.traffic, line.after) for line in shown] == [
        ("pod -> pod on b, only to 172.7.22.9", "takes the wrong path via 10.4.7.254"),
        ("node -> pod on b, only to 172.7.22.9", "takes the wrong path via 10.4.7.254"),
    ]
    assert {line.blame for line in shown} == {"now: route: 172.7.22.9/32 via 10.4.7.254 dev eth0"}


def test_a_part_of_the_outside_that_is_refused_is_a_matter_of_others():
    assert lines("-d 8.8.0.0/16 -j DROP", "-s 9.9.0.0/16 -j DROP") == []


def test_where_every_possible_end_is_wrong_traffic_is_broken():
    doubtful = "-m statistic --mode random --probability 0.5 -d 172.7.22.0/24 -j REJECT"
    opening = "-d 172.7.22.0/24 -m state --state NEW -j DROP"
    assert lines(doubtful, opening) == ["pod -> pod on b: dropped"]


@pytest.mark.parametrize("pod", [2, 3, 9])
def test_packets_of_one_pod_are_shown_by_one_to_another_pod(pod):
    state = node(filter=[f"-s 172.7.21.{pod}/32 -o docker0 -m state --state NEW -j DROP"])
    packet = by_class(state)["pod -> pod here"].probe.packet
    assert (str(packet.source), packet.source == packet.destination) == (f"172.7.21.{pod}", False)


def test_packets_that_would_go_back_to_their_sender_are_none_of_a_class():
    state = node(filter=["-s 172.7.21.9/32 -d 172.7.21.9/32 -j DROP"])
    assert [line for line in traffic_lines(by_class(state).values()) if line.sign != "="] == []


def moved(count):
    """Return the lines of the first of so many nodes about pods on the others, to which other next hops led."""
    nodes = [
        f"n{n}: {{address: 10.4.{n >> 8}.{n & 255}/16, subnet: 172.{n >> 8}.{n & 255}.0/24}}"
        for n in range(1, count + 1)
    ]
    desired = make.desired(make.spec(*nodes, network="172.0.0.0/8"), "n1")
    routes = [make.route(f"172.{n >> 8}.{n & 255}.0/24", f"10.4.99.{n & 255}") for n in range(2, count + 1)]
    state = make.snapshot(make.saved(), *routes, ip_forward="1", address="10.4.0.1/16", bridge="172.0.1.1/24")
    lines = traffic_lines(effects(classes_of(desired), state, make.settled(desired, state)))
    return [(line.traffic, line.before, line.after) for line in lines if line.traffic.startswith("node -> pod")]


def test_each_of_a_few_peers_is_told_of_with_its_next_hop():
    assert moved(3) == [
        ("node -> pod on n2", "source kept, via 10.4.99.2", "via 10.4.0.2"),
        ("node -> pod on n3", "source kept, via 10.4.99.3", "via 10.4.0.3"),
    ]


def test_each_of_a_few_peers_is_told_of_that_the_same_next_hop_led_to():
    nodes = [f"n{n}: {{address: 10.4.7.{20 + n}/24, subnet: 172.7.{20 + n}.0/24}}" for n in (1, 2, 3)]
    desired = make.desired(make.spec(*nodes), "n1")
    lines = traffic_lines(effects(classes_of(desired), node(), make.settled(desired, node())))
    assert [(line.traffic, line.after) for line in lines if line.traffic.startswith("node -> pod")] == [
        ("node -> pod on n2", "via 10.4.7.22"),
        ("node -> pod on n3", "via 10.4.7.23"),
    ]


def test_of_many_peers_one_next_hop_is_told():
    assert moved(20) == [("node -> pod on n2, n3 and 17 more", "source kept, via 10.4.99.2", "via 10.4.0.2 and others")]


def test_very_many_next_hops_that_are_wrong_are_one():
    assert moved(400) == [
        ("node -> pod on n2, n3 and 397 more", "source kept, via 10.4.99.2", "via 10.4.0.2 and others")
    ]


def test_json_of_what_the_spec_wants_nothing_of_says_so():
    assert by_class(node())["pod -> pod marked 0x4000/0x4000"].to_json()["wanted"] is None


def test_traffic_that_a_policy_refuses_or_another_rule_does_is_broken():
    policy = Chain(
        ChainKey(4, "filter", "DOCKER-USER"), make.rules("-m statistic --mode random --probability 0.5 -j DROP")
    )
    state = node(filter=["-j DOCKER-USER", "-d 172.7.22.0/24 -j REJECT"])
    state = state.replace(Chain, [*state.all(Chain), policy])
    assert by_class(state)["pod -> pod"].stays_broken


def test_a_source_that_is_one_of_several_is_unknown():
    effect = by_class(node(nat=["-o eth0 -j SNAT --to-source 172.7.21.2-172.7.21.9"]))["pod -> pod"]
    assert (effect.before.source, effect.broken) == (None, False)


HALVES = tuple(make.route(prefix, "10.4.7.253", protocol=4) for prefix in ("172.7.22.0/25", "172.7.22.128/25"))


def test_a_more_specific_route_of_another_program_leads_astray():
    state = node().replace(Route, [*node().all(Route), *HALVES])
    assert words(state, "pod -> pod")[1] == "takes the wrong path via 10.4.7.253"


def test_the_route_that_leads_astray_is_to_blame():
    state = node().replace(Route, [*node().all(Route), *HALVES])
    assert blamed(by_class(state)["pod -> pod"].after_blame) == "route: 172.7.22.0/25 via 10.4.7.253 dev eth0"


def test_a_rule_that_leads_out_of_a_chain_is_not_to_blame_for_the_way_that_packets_take():
    passing = node(filter=["-s 172.7.21.0/24 -j RETURN"])
    state = passing.replace(Route, [*passing.all(Route), *HALVES])
    assert blamed(by_class(state)["pod -> pod"].after_blame) == "route: 172.7.22.0/25 via 10.4.7.253 dev eth0"


def test_pods_of_peers_come_in_by_the_underlay_and_keep_their_address():
    effect = by_class(node(nat=["-i docker0 -j LOG"]))["pod on peer -> pod here"]
    assert (effect.probe.packet.iif, effect.words[1]) == ("eth0", "source kept")


def test_what_is_left_to_others_is_never_broken():
    drops = node(filter=["-s 172.7.21.0/24 -j DROP"], nat=[DOCKER])
    keys = {"ip_masq": "{enabled: false}", "forward": "none"}
    assert not [name for name, effect in by_class(drops, **keys).items() if effect.stays_broken]


def test_without_forward_a_rule_that_refuses_is_no_matter_of_the_spec():
    drops = node(filter=["-s 172.7.21.0/24 -j DROP"])
    assert not by_class(drops, forward="none")["pod -> pod"].stays_broken


def test_node_without_a_way_to_the_outside_is_not_broken():
    state = node()
    island = state.replace(Route, [route for route in state.all(Route) if route.prefix.length])
    assert not [name for name, effect in by_class(island).items() if effect.stays_broken]


@pytest.mark.parametrize("traffic", ["pod -> pod", "pod -> outside"])
def test_packets_that_are_sent_elsewhere_are_broken(traffic):
    state = node()
    chain = ChainKey(4, "nat", "PREROUTING")
    rules = make.rules("-s 172.7.21.0/24 -j DNAT --to-destination 172.7.21.9")
    turned = state.replace(
        Chain, [replace(each, rules=rules) if each.key == chain else each for each in state.all(Chain)]
    )
    effect = by_class(turned)[traffic]
    assert (effect.stays_broken, effect.words[1]) == (True, "sent to 172.7.21.9")
    assert effect.after_blame is not None
    assert effect.after_blame.at == "nat PREROUTING 1"


@pytest.mark.parametrize(
    ("table", "chain", "rule", "jump"),
    [
        ("raw", "PREROUTING", "-d 172.7.21.2/32 ! -i docker0 -j DROP", []),
        ("filter", "DOCKER", "! -i docker0 -o docker0 -j DROP", ["-o docker0 -j DOCKER"]),
    ],
)
def test_docker_s_refusal_of_direct_access_is_a_policy_for_the_outside_and_breaks_what_peers_send(
    table, chain, rule, jump
):
    state = node(filter=jump)
    policy = "ACCEPT" if chain == "PREROUTING" else None
    state = state.replace(Chain, [*state.all(Chain), Chain(ChainKey(4, table, chain), make.rules(rule), policy)])
    desired = make.desired(make.spec())
    traced = effects(classes_of(desired), state, state)
    fares = {
        effect.probe.traffic: effect.fares
        for effect in traced
        if effect.after_blame and effect.after_blame.rule == rule
    }
    assert fares["pod on peer -> pod here"] is Fares.BROKEN
    assert fares.get("outside -> pod", Fares.REFUSED) is Fares.REFUSED


def test_a_service_of_kube_proxy_at_an_address_of_the_outside_is_translated_by_it():
    service = ChainKey(4, "nat", "KUBE-EXT-A")
    rules = make.rules("-p tcp -j DNAT --to-destination 172.7.22.2:80", "-p udp -j DNAT --to-destination 172.7.22.2:53")
    chains = [
        Chain(ChainKey(4, "nat", "PREROUTING"), make.rules("-d 8.0.0.0/5 -j KUBE-EXT-A"), "ACCEPT"),
        Chain(service, rules, None),
    ]
    state = node()
    rest = [chain for chain in state.all(Chain) if chain.key != chains[0].key]
    state = state.replace(Chain, [*rest, *chains])
    whole = effects(classes_of(make.desired(make.spec())), state, state)
    probe = next(effect.probe for effect in whole if effect.probe.traffic == "pod -> outside")
    served = replace(probe.packet, destination=Address.parse("8.8.8.8"))
    trace = Tracer(state).trace(served)
    probe = probe._replace(packet=served)
    assert (fares_of(trace, probe), fate(trace, probe, astray=False)) == (Fares.WELL, "translated by kube-proxy")
