from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.ipset.value import IpSet, Member
from netplan.kinds.policy.value import PolicyRule
from netplan.net import Prefix
from netplan.netfilter.iptables.operands import AddressMask
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.traffic.peers import choose
from netplan.planning.traffic.selection import Places, leads_further, named_by
from tests import make

SUBNETS = [Prefix.parse(f"172.7.{number}.0/24") for number in range(1, 41)]
PEERS = [(subnet, make.node(f"n{number}", subnet=str(subnet))) for number, subnet in enumerate(SUBNETS, 1)]
FIRST = PEERS[:4]


def masks(*texts):
    return [AddressMask.parse(text, 4) for text in texts]


def chosen(*texts, most=64):
    return choose([Places(PEERS)], masks(*texts), FIRST, most)


def added(*texts, most=64):
    """Return the names of the peers that are traced besides the first ones where something names these addresses."""
    return [node.name for node in chosen(*texts, most=most).nodes[len(FIRST) :]]


def test_a_peer_whose_subnet_is_named_is_traced():
    assert added("172.7.30.0/24") == ["n30"]


def test_a_peer_is_traced_of_whose_subnet_a_part_is_named():
    assert added("172.7.30.128/25") == ["n30"]


def test_one_of_the_peers_that_a_prefix_holds_alike_is_traced():
    assert added("172.7.16.0/21") == ["n16"]


def test_a_peer_within_a_wider_prefix_is_told_from_the_others_in_it():
    assert sorted(added("172.7.16.0/21", "172.7.16.0/24")) == ["n16", "n17"]


def test_one_of_the_others_is_traced_where_all_first_ones_are_singled_out():
    assert added("172.7.0.0/21") == ["n8"]


def test_nobody_is_singled_out_by_what_holds_all_or_none():
    assert added("172.7.0.0/16", "0.0.0.0/0", "10.0.0.0/8", "172.7.99.0/24") == []


def test_nobody_is_singled_out_by_the_address_of_one_pod():
    assert added("172.7.30.2/32") == []


def test_a_peer_is_traced_whose_subnet_a_mask_with_holes_names():
    assert added("172.0.30.0/255.0.255.0") == ["n30"]


def test_too_many_peers_are_counted():
    found = chosen(*(f"172.7.{number}.0/24" for number in range(11, 21)), most=3)
    assert (len(found.nodes), found.left.number) == (7, 7)


def test_the_traced_stand_for_all_that_nobody_singles_out():
    found = chosen("172.7.30.0/24")
    assert (found.alike["n1"].untraced, found.alike.get("n30")) == (35, None)


prefixes = st.builds(
    lambda value, length: Prefix(4, 172 << 24 | 7 << 16 | value, 16).within(length),
    st.integers(0, (1 << 14) - 1),
    st.integers(18, 31),
)


@given(st.lists(prefixes, max_size=12))
def test_every_peer_of_whose_subnet_a_prefix_holds_a_part_is_traced(found):
    named = [AddressMask.parse(str(prefix), 4) for prefix in found]
    traced = {node.name for node in choose([Places(PEERS)], named, FIRST, 64).nodes}
    narrow = [prefix for prefix in found if prefix.length >= 24]
    singled = {node.name for subnet, node in PEERS for prefix in narrow if subnet.overlaps(prefix)}
    assert singled <= traced


@given(st.lists(prefixes, max_size=12))
def test_who_is_not_traced_is_held_by_the_same_prefixes_as_somebody_who_is(found):
    named = [AddressMask.parse(str(prefix), 4) for prefix in found]
    traced = {node.name for node in choose([Places(PEERS)], named, FIRST, 64).nodes}
    holds = {node.name: {prefix for prefix in found if prefix.overlaps(subnet)} for subnet, node in PEERS}
    assert all(any(holds[name] == holds[other] for other in traced) for name in holds)


@given(st.lists(prefixes, max_size=12), st.integers(0, 3))
def test_everybody_is_traced_or_stood_for_or_counted_as_left(found, most):
    named = [AddressMask.parse(str(prefix), 4) for prefix in found]
    choice = choose([Places(PEERS)], named, FIRST, most)
    assert len(choice.nodes) + sum(each.untraced for each in {*choice.alike.values()}) + choice.left.number == 40


def named(*resources, rules=()):
    """Return what the state of a node names, with some rules in FORWARD."""
    forward = Chain(ChainKey(4, "filter", "FORWARD"), tuple(map(Rule.parse, rules)), "ACCEPT")
    state = make.snapshot().replace(Chain, [forward])
    for each in resources:
        state = state.replace(type(each), [*state.all(type(each)), each])
    return {str(each) for each in named_by(state, ())} - {"10.4.7.0/24"}


def test_the_addresses_of_rules_are_named():
    assert named(rules=["-s 172.7.5.0/24 -j DROP", "! -d 172.7.6.0/24 -j DROP"]) == {"172.7.5.0/24", "172.7.6.0/24"}


def test_a_range_of_addresses_is_named_as_prefixes():
    rule = "-m iprange --dst-range 172.7.5.0-172.7.6.127 -j DROP"
    assert named(rules=[rule]) == {"172.7.5.0/24", "172.7.6.0/25"}


def test_foreign_routes_and_rules_of_routing_and_members_of_sets_are_named():
    route = make.route("172.7.5.0/25", protocol=3)
    policy = PolicyRule(100, source=Prefix.parse("172.7.6.0/24"), destination=Prefix.parse("172.7.7.0/24"))
    members = IpSet("s", "hash:net", members=(Member((Prefix.parse("172.7.8.0/24"),)),))
    assert named(route, policy, members) == {"172.7.5.0/25", "172.7.6.0/24", "172.7.7.0/24", "172.7.8.0/24"}


def test_our_own_routes_name_nobody():
    assert named(make.route()) == set()


def test_what_is_done_about_a_service_names_nobody():
    service = Chain(ChainKey(4, "filter", "SERVICE"), (Rule.parse("-s 172.7.5.0/24 -j MARK --set-mark 1"),))
    assert named(service, rules=["-d 192.168.0.10/32 -j SERVICE"]) == {"192.168.0.10/32"}


def test_a_rule_that_leads_into_a_chain_which_was_not_read_is_found():
    forward = ChainKey(4, "filter", "FORWARD")
    rules = tuple(map(Rule.parse, ["-j DROP", "-d 172.7.5.0/24 -j UNREAD"]))
    state = make.snapshot().replace(Chain, [Chain(forward, rules, "ACCEPT")])
    assert [*leads_further(state)] == [(forward, rules[1])]
