"""The chains of all packet filters at one hook, in the kernel's order: the first translation decides."""

from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.snapshot import Snapshot
from tests import make
from tests.trace.states import state, traced

POD, PEER, OUTSIDE = "172.7.21.2", "172.7.22.2", "8.8.8.8"
MASQUERADE = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"
KEEP = "-s 172.7.21.0/24 -d 172.7.0.0/16 -j NETMAP --to 0.0.0.0/0"
OTHER = "-j SNAT --to-source 10.4.7.99"


def beside(
    *rules, priority=None, hook="postrouting", nat=True, owner=Owner.NFTABLES, table="ip x", name="c"
) -> OtherChain:
    chain = Chain(ChainKey(4, table, name), make.rules(*rules), "ACCEPT")
    return OtherChain(owner, chain, hook, nat, len(rules), priority=priority)


def with_chains(*others: OtherChain, saved="") -> Snapshot:
    snapshot = state(saved)
    return Snapshot(snapshot.backend, {**snapshot.objects, OtherChain: others})


def source(snapshot, to=PEER) -> str | None:
    seen = traced(snapshot, POD, to).source
    return None if seen is None else str(seen)


@pytest.mark.parametrize(("priority", "seen"), [(-199, POD), (99, POD), (101, "10.4.7.21")])
def test_the_first_translation_wins_though_it_gives_the_source_that_packets_have(priority, seen):
    own = make.saved(nat=[MASQUERADE])
    assert source(with_chains(beside(KEEP, priority=priority), saved=own)) == seen


def test_what_is_not_kept_is_masqueraded_by_the_chain_behind():
    own = make.saved(nat=[MASQUERADE])
    assert source(with_chains(beside(KEEP, priority=50), saved=own), OUTSIDE) == "10.4.7.21"


@pytest.mark.parametrize("verdict", ["ACCEPT", "RETURN"])
def test_an_accept_ends_its_own_chain_only(verdict):
    assert (
        source(with_chains(beside(f"-j {verdict}", priority=-199), beside(OTHER, priority=110, table="ip y")))
        == "10.4.7.99"
    )


def test_of_two_chains_of_one_priority_either_may_be_the_first():
    chains = beside(OTHER, priority=110), beside(MASQUERADE, priority=110, table="ip y")
    assert {str(end.source) for end in traced(with_chains(*chains), POD, PEER).possible} == {"10.4.7.99", "10.4.7.21"}


def test_two_chains_of_one_priority_that_do_the_same_leave_nothing_open():
    own = make.saved(nat=[MASQUERADE])
    assert source(with_chains(beside(MASQUERADE, priority=100), saved=own)) == "10.4.7.21"


def test_legacy_and_a_record_that_does_not_tell_have_the_priorities_of_their_tables():
    legacy = beside(MASQUERADE, owner=Owner.LEGACY, table="nat", name="POSTROUTING")
    assert source(with_chains(legacy, beside(KEEP, priority=99))) == POD
    assert source(with_chains(legacy, beside(KEEP, priority=101))) == "10.4.7.21"


def test_filters_run_in_the_order_of_their_priorities():
    marks = beside("-j MARK --set-xmark 0x1/0x1", priority=-10, hook="forward", nat=False)
    drops = beside("-m mark --mark 0x1/0x1 -j DROP", priority=10, hook="forward", nat=False, table="ip y")
    assert traced(with_chains(drops, marks), POD, PEER).verdict == "drop"


def test_a_chain_before_conntrack_knows_no_connection():
    drops = "-m conntrack --ctstate INVALID -j DROP"
    verdicts = [
        traced(with_chains(beside(drops, priority=priority, hook="prerouting", nat=False)), POD, PEER).verdict
        for priority in (-290, -150)
    ]
    assert verdicts == ["drop", "accept"]


def test_a_drop_is_final_and_an_accept_elsewhere_does_not_help():
    accepts = beside("-j ACCEPT", priority=-310, hook="prerouting", nat=False)
    saved = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 172.7.22.2/32 -j DROP"
    assert traced(with_chains(accepts, saved=saved), POD, PEER).steps[-1].at == "raw PREROUTING 1"


def test_packets_that_are_not_tracked_are_not_translated():
    saved = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j CT --notrack"
    assert source(with_chains(beside(OTHER), saved=saved)) == POD


def test_a_translation_to_a_part_of_the_sources_keeps_those_alone():
    netmap = beside("-j NETMAP --to 172.7.21.2/31", priority=99)
    assert [str(traced(with_chains(netmap), sender, PEER).source) for sender in (POD, "172.7.21.4")] == [POD, POD]


def test_an_identity_is_told_as_what_keeps_the_source():
    step = traced(with_chains(beside(KEEP, priority=50)), POD, PEER).steps[-1]
    assert (step.at, step.effect) == ("nft ip x c 1", "source is translated to itself, which keeps it")


def test_a_refusal_at_the_place_of_nat_is_the_end():
    drops = beside("-j DROP", priority=100)
    assert traced(with_chains(drops, beside(OTHER, priority=110, table="ip y")), POD, PEER).verdict == "drop"


def test_a_mark_that_a_chain_of_nat_sets_is_seen_by_the_next():
    marks = beside("-j MARK --set-xmark 0x1/0x1", priority=90)
    masks = beside("-m mark --mark 0x1/0x1 -j SNAT --to-source 10.4.7.99", priority=95, table="ip y")
    assert source(with_chains(marks, masks)) == "10.4.7.99"
