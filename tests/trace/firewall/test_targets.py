"""What a target does with packets: those that rewrite addresses and marks, and what becomes of packets in doubt."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, IfName, Prefix
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.fib import Fib
from netplan.trace.firewall.targets import Did, Fate, marked, outcomes
from netplan.trace.flow import Flow, Mark, services
from netplan.trace.intervals import only
from tests.trace.states import state

POD, PEER_POD = "172.7.21.2", "172.7.22.2"
ANY = "0.0.0.0-255.255.255.255"


def flow(**fields):
    """Return packets of a pod to a pod of another node, which came by docker0 and leave by eth0."""
    packets = Flow.between(
        Prefix.parse(f"{POD}/32"),
        Prefix.parse(f"{PEER_POD}/32"),
        hook="POSTROUTING",
        iif=IfName("docker0"),
        oif=IfName("eth0"),
        next_hop=Address.parse("10.4.7.22"),
        service=services([6], only(80)),
    )
    return replace(packets, **fields)


def addresses(numbers):
    return "-".join(str(Address(4, number)) for number in dict.fromkeys(numbers))


def done(target, table="nat", *, fib=True, **fields):
    """Return what a target may do with such packets on the node of the states, or on a node of which none is known."""
    parsed = Rule.parse(f"-p tcp -j {target}").target
    assert parsed is not None
    return outcomes(parsed, table, flow(**fields), Fib(state()) if fib else None)


def source(target, **fields):
    (outcome,) = done(target, **fields)
    return addresses(outcome.flow.sources)


def destination(target, **fields):
    (outcome,) = done(target, **fields)
    return addresses(outcome.flow.destinations), outcome.flow.to_port


@pytest.mark.parametrize(
    ("target", "after"),
    [
        ("SNAT --to-source 10.4.7.40", "10.4.7.40"),
        ("SNAT --to-source 10.4.7.40-10.4.7.49", "10.4.7.40-10.4.7.49"),
        ("SNAT --to-source :1024-2047", POD),
        ("SNAT --to-source 172.7.21.2", POD),
        ("MASQUERADE", "10.4.7.21"),
        ("NETMAP --to 192.168.0.0/16", "192.168.21.2"),
    ],
)
def test_the_source_afterwards_is_known_where_the_target_names_it(target, after):
    assert source(target) == after


@pytest.mark.parametrize("fields", [{"fib": False}, {"oif": None}, {"other_oif": True}])
def test_masquerade_on_an_unknown_way_leaves_the_source_open(fields):
    assert source("MASQUERADE", **fields) == ANY


def test_a_device_without_an_address_drops_what_is_redirected_to_it():
    (outcome,) = done("REDIRECT", hook="PREROUTING", iif=IfName("wg0"))
    assert (outcome.fate, outcome.text) == (Fate.DROPPED, "dropped: wg0 has no address")


@pytest.mark.parametrize(
    ("target", "after"),
    [
        ("DNAT --to-destination 10.0.0.1", ("10.0.0.1", 80)),
        ("DNAT --to-destination 10.0.0.1:8080", ("10.0.0.1", 8080)),
        ("DNAT --to-destination 10.0.0.1:70-90", ("10.0.0.1", 80)),
        ("DNAT --to-destination 10.0.0.1:8000-8010", ("10.0.0.1", None)),
        ("DNAT --to-destination 10.0.0.1:8000-8010/8000", ("10.0.0.1", 80)),
        ("DNAT --to-destination :8080", (PEER_POD, 8080)),
        ("DNAT --to-destination 10.0.0.1-10.0.1.1", ("10.0.0.1-10.0.1.1", 80)),
        ("REDIRECT", ("172.7.21.1", 80)),
        ("REDIRECT --to-ports 8080", ("172.7.21.1", 8080)),
        ("NETMAP --to 192.168.0.0/16", ("192.168.22.2", 80)),
    ],
)
def test_the_destination_and_port_afterwards_are_known_where_the_target_names_them(target, after):
    assert destination(target, hook="PREROUTING") == after


def test_each_of_a_few_destinations_is_a_way_of_its_own():
    ways = done("DNAT --to-destination 10.0.0.1-10.0.0.3", hook="PREROUTING")
    assert [str(way.flow.to_address) for way in ways] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_what_a_process_sends_is_redirected_to_the_loopback_address():
    assert destination("REDIRECT", hook="OUTPUT", iif=None) == ("127.0.0.1", 80)


@pytest.mark.parametrize("fields", [{"fib": False}, {"iif": None}])
def test_what_is_redirected_on_an_unknown_device_goes_to_an_unknown_address(fields):
    assert destination("REDIRECT", hook="PREROUTING", **fields) == (ANY, 80)


def test_the_destination_that_was_asked_for_first_is_remembered():
    (outcome,) = done("DNAT --to-destination 10.0.0.1", hook="PREROUTING")
    assert addresses(outcome.flow.destination) == PEER_POD


def test_a_destination_that_stays_is_no_translation():
    (outcome,) = done(f"DNAT --to-destination {PEER_POD}", hook="PREROUTING")
    assert outcome.flow.dnat is flow().dnat


@pytest.mark.parametrize(
    ("target", "mark"),
    [
        ("MARK --set-xmark 0x4000/0x4000", "0x4001"),
        ("MARK --set-mark 0x5", "0x5"),
        ("CONNMARK --restore-mark", "0x30"),
        ("CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf0", "0x31"),
        ("CONNMARK --save-mark", "0x1"),
    ],
)
def test_the_mark_of_a_packet_is_set_or_restored(target, mark):
    (outcome,) = done(target, "mangle", mark=Mark.of(1), connmark=Mark.of(0x30))
    assert str(outcome.flow.mark) == mark


@pytest.mark.parametrize(
    ("target", "mark"),
    [
        ("CONNMARK --save-mark", "0x1"),
        ("CONNMARK --save-mark --nfmask 0xf --ctmask 0xf", "0x31"),
        ("CONNMARK --set-xmark 0x4000/0x4000", "0x4030"),
        ("CONNMARK --restore-mark", "0x30"),
    ],
)
def test_the_mark_of_a_connection_is_set_or_saved(target, mark):
    (outcome,) = done(target, "mangle", mark=Mark.of(1), connmark=Mark.of(0x30))
    assert str(outcome.flow.connmark) == mark


def test_a_packet_without_a_connection_has_no_mark_of_one_to_set():
    (outcome,) = done("CONNMARK --set-mark 0x5", "mangle", state="UNTRACKED", connmark=Mark.of(0))
    assert str(outcome.flow.connmark) == "0x0"


def test_a_mark_that_stays_is_not_told():
    (outcome,) = done("MARK --set-mark 0x1", "mangle", mark=Mark.of(1))
    assert outcome.did is Did.PASSED


@pytest.mark.parametrize("target", ["NOTRACK", "CT --notrack"])
def test_an_untracked_packet_is_told(target):
    (outcome,) = done(target, "raw")
    assert (outcome.did, outcome.flow.state) == (Did.UNTRACKED, "UNTRACKED")


def test_a_rejection_says_what_is_answered():
    (outcome,) = done("REJECT --reject-with tcp-reset", "filter")
    assert (outcome.fate, outcome.text) == (Fate.REJECTED, "rejected with tcp-reset")


@pytest.mark.parametrize(("table", "number"), [("filter", 3), ("nat", 4)])
def test_an_unknown_target_may_do_anything_that_its_table_allows(table, number):
    assert len(done("WHATEVER --never-seen 1", table)) == number


def test_a_mark_that_is_set_in_an_unknown_way_is_unknown_afterwards():
    (outcome,) = done("MARK --set-nft", "mangle", mark=Mark.of(1))
    assert (outcome.did, outcome.flow.mark == Mark.of(1)) == (Did.MARKED, False)


def test_a_rule_of_nft_sets_its_mark_before_its_target_meets_the_packet():
    rule = Rule.parse("-m MARK --set-xmark 0x6/0xffffffff -j ACCEPT")
    assert str(marked(rule, flow(mark=Mark.of(1))).mark) == "0x6"


def test_a_device_without_an_address_drops_what_is_masqueraded():
    only_loopback = Fib(Snapshot.of(FirewallBackend.NFT, []))
    target = Rule.parse("-j MASQUERADE").target
    assert target is not None
    (outcome,) = outcomes(target, "nat", flow(), only_loopback)
    assert (outcome.fate, outcome.text) == (Fate.DROPPED, "dropped: eth0 has no address")


def test_many_addresses_are_mapped_into_the_network():
    (outcome,) = done("NETMAP --to 192.168.0.0/16", source=(0, 9))
    assert addresses(outcome.flow.sources) == "192.168.0.0-192.168.255.255"


def test_a_target_of_conntrack_that_names_nothing_keeps_no_packet_from_tracking():
    (outcome,) = done("CT", "raw")
    assert outcome.flow.state is None


def test_many_addresses_that_are_mapped_under_a_mask_with_holes_may_become_any():
    (outcome,) = done("NETMAP --to 192.0.168.0/255.0.255.0", source=(0, 9))
    assert addresses(outcome.flow.sources) == ANY
