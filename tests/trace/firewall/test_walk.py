from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.net import Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace.firewall.targets import Fate
from netplan.trace.firewall.walk import Walker
from netplan.trace.flow import Flow, Mark
from tests import make

CONTINUES, RETURNS, ACCEPTED, DROPPED, REJECTED = Fate
REWRITTEN = "gets another source address"
UNMARKED = Mark(0, 0, (Masked(0x4000, 0x4000),))
FLOW = Flow.between(Prefix.parse("172.7.21.0/24"), Prefix.parse("172.7.0.0/16"), mark=UNMARKED)


def fates(*texts, flow=FLOW, **below):
    """Return what may happen in a chain of nat; `below` are other chains by their names."""
    chains = {ChainKey(4, "nat", name): make.rules(*rules) for name, rules in below.items()}
    walker = Walker({key: Chain(key, rules) for key, rules in chains.items()})
    return outcomes(walker.walk(make.rules(*texts), make.POSTROUTING, flow))


def outcomes(branches):
    return {REWRITTEN if branch.flow.snat else branch.fate for branch in branches}


@pytest.mark.parametrize(
    ("target", "fate"),
    [
        ("ACCEPT", ACCEPTED),
        ("DROP", DROPPED),
        ("REJECT", REJECTED),
        ("MASQUERADE", REWRITTEN),
        ("SNAT --to-source 10.4.7.21", REWRITTEN),
        ("NETMAP --to 10.0.0.0/8", REWRITTEN),
        ("RETURN", RETURNS),
        ("LOG", CONTINUES),
    ],
)
def test_a_target_decides_what_becomes_of_every_packet(target, fate):
    assert fates(f"-j {target}") == {fate}


def test_packets_come_to_the_end_of_an_empty_chain():
    assert fates() == {CONTINUES}


def test_a_rule_without_a_target_lets_packets_go_on():
    assert fates("-s 172.7.21.0/24") == {CONTINUES}


def test_nothing_happens_behind_a_rule_that_decides_on_all():
    assert fates("-j ACCEPT", "-j MASQUERADE") == {ACCEPTED}


def test_what_a_rule_leaves_over_goes_on():
    assert fates("-p tcp -j ACCEPT", "-j MASQUERADE") == {ACCEPTED, REWRITTEN}


def test_a_rule_that_holds_for_none_does_nothing():
    assert fates("-s 10.0.0.0/8 -j MASQUERADE") == {CONTINUES}


def test_packets_come_back_from_the_end_of_a_chain():
    assert fates("-j BELOW", "-j DROP", BELOW=["-s 10.0.0.0/8 -j ACCEPT"]) == {DROPPED}


def test_packets_come_back_from_a_return():
    assert fates("-j BELOW", "-j DROP", BELOW=["-j RETURN", "-j MASQUERADE"]) == {DROPPED}


def test_what_a_chain_decides_is_decided():
    assert fates("-j BELOW", "-j DROP", BELOW=["-j ACCEPT"]) == {ACCEPTED}


def test_packets_that_went_to_a_chain_come_back_to_the_caller_of_the_caller():
    assert fates("-g BELOW", "-j DROP", BELOW=["-p tcp -j ACCEPT"]) == {ACCEPTED, RETURNS}


def test_a_chain_that_is_not_known_may_do_anything_but_return_for_its_caller():
    assert fates("-j UNKNOWN") == {CONTINUES, ACCEPTED, DROPPED, REWRITTEN}


def test_chains_are_followed_through_chains():
    assert fates("-j ONE", ONE=["-j TWO"], TWO=["-j MASQUERADE"]) == {REWRITTEN}


def test_a_chain_of_another_table_is_another_chain():
    other = ChainKey(4, "filter", "BELOW")
    walker = Walker({other: Chain(other)})
    assert REWRITTEN in outcomes(walker.past(PlacedRule(make.POSTROUTING, 1, make.rule("-j BELOW")), FLOW))


def test_kube_proxys_chain_leaves_packets_alone_that_it_did_not_mark():
    assert fates("-j KUBE", KUBE=["-m mark ! --mark 0x4000/0x4000 -j RETURN", "-j MASQUERADE"]) == {CONTINUES}


def test_kube_proxys_chain_may_rewrite_packets_that_a_rule_before_it_marked():
    marking = "-p tcp -j MARK --set-xmark 0x4000/0x4000"
    kube = ["-m mark ! --mark 0x4000/0x4000 -j RETURN", "-j MASQUERADE"]
    assert REWRITTEN in fates(marking, "-j KUBE", KUBE=kube)


def test_a_mark_that_stands_before_a_target_is_set_on_the_packets_of_the_rule_and_on_no_others():
    setting = "-m mark --mark 0x4000/0x4000 -m MARK --set-xmark 0x4001/0xffffffff"
    tested = (f"{setting} -j KUBE", "-m mark ! --mark 0x4001/0x4001 -j DROP", "-j ACCEPT")
    marking = "-j MARK --set-xmark 0x4000/0x4000"
    assert [fates(*tested, KUBE=[]), fates(marking, *tested, KUBE=[])] == [{DROPPED}, {ACCEPTED}]


def test_an_unknown_mark_keeps_no_packet_from_going_on():
    assert fates("-m mark --mark 0x1 -m MARK --set-nft -j CONNMARK --set-nft") == {CONTINUES}


def test_a_chain_below_may_have_marked_packets():
    kube = ["-m mark ! --mark 0x4000/0x4000 -j RETURN", "-j MASQUERADE"]
    below = ["-j MARK --set-xmark 0x4000/0x4000"]
    assert REWRITTEN in fates("-j BELOW", "-j KUBE", BELOW=below, KUBE=kube)


UNREAD = {key: Chain(key, unread=20001) for key in (ChainKey(4, "nat", "KUBE-SERVICES"), make.POSTROUTING)}


def test_a_chain_that_was_not_read_may_do_anything():
    branches = Walker(UNREAD).walk(make.rules("-j KUBE-SERVICES"), ChainKey(4, "nat", "PREROUTING"), FLOW)
    assert outcomes(branches) == {CONTINUES, ACCEPTED, DROPPED, REWRITTEN}


def test_a_rule_that_leads_to_a_chain_that_was_not_read_says_so():
    branches = Walker(UNREAD).walk(make.rules("-p tcp -j KUBE-SERVICES"), ChainKey(4, "nat", "PREROUTING"), FLOW)
    steps = [step for branch in branches for step in branch.trail]
    assert {step.at for step in steps} == {"nat PREROUTING 1"}
    assert all(step.effect.endswith("nat KUBE-SERVICES was not read, it has about 20001 rules") for step in steps)


def test_a_built_in_chain_that_was_not_read_may_do_anything():
    assert outcomes(Walker(UNREAD).hook(make.POSTROUTING, FLOW)) == {ACCEPTED, DROPPED, REWRITTEN}


def test_where_rules_meet_more_parts_than_are_told_apart_what_they_do_is_unknown():
    walker = Walker({}, most=10)
    branches = walker.walk(make.rules(*(f"-s 172.7.21.{host}/32 -j ACCEPT" for host in range(20))), make.FORWARD, FLOW)
    said = {step.effect for branch in branches for step in branch.trail if not step.certain}
    assert said == {"unknown: more kinds of packets than are told apart: filter FORWARD"}


def test_what_was_decided_before_the_work_was_too_much_stays_decided():
    walker = Walker({}, most=10)
    branches = walker.walk(make.rules(*(f"-s 172.7.21.{host}/32 -j DROP" for host in range(20))), make.FORWARD, FLOW)
    decided = [branch for branch in branches if all(step.certain for step in branch.trail)]
    assert sum(branch.flow.packets for branch in decided) == 10 * FLOW.packets // 256


def work(rules, flow=FLOW):
    """Count the rules that parts of packets meet in a chain."""
    walker = Walker({})
    walker.walk(rules, make.FORWARD, flow)
    return walker.work


def test_packets_to_others_pass_very_many_services_without_work():
    services = [f"-d 10.96.{number >> 8}.{number & 255}/32 -p tcp -m tcp --dport 80 -j X" for number in range(2_000)]
    assert work(make.rules(*services, "-j ACCEPT")) == 1


def test_a_rule_about_each_pod_is_met_by_the_rest_alone():
    assert work(make.rules(*(f"-s 172.7.21.{host}/32 -j ACCEPT" for host in range(250)))) == 250


def test_parts_that_a_rule_told_apart_and_that_fare_alike_are_one_again():
    marking = [f"-s 172.7.21.{host}/32 -m mark --mark 0x1/0x1 -j MARK --set-xmark 0x1/0x1" for host in range(30)]
    assert work(make.rules(*marking)) < 2 * 30 * 31
