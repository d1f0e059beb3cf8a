"""Chains beside those of this node's iptables, as values."""

from __future__ import annotations

import json

import pytest

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.store import records
from tests import make

CHAIN = Chain(ChainKey(4, "inet firewalld", "nat_POSTROUTING"), make.rules("-o eth0 -m nft -j MASQUERADE"), "ACCEPT")
OTHER = OtherChain(Owner.NFTABLES, CHAIN, "postrouting", nat=True, length=1)
BELOW = OtherChain(Owner.LEGACY, Chain(ChainKey(4, "nat", "A")), None, nat=True)


SEVERAL = OtherChain(
    Owner.NFTABLES,
    Chain(CHAIN.key, make.rules("-s 1.1.1.1/32 -j DROP", "-s 1.1.1.2/32 -j DROP", "-j ACCEPT"), "ACCEPT"),
    "forward",
    length=2,
    positions=(1, 1, 2),
)


def test_rules_are_counted_as_their_own_program_counts_them():
    assert [SEVERAL.position(number) for number in (1, 2, 3)] == [1, 1, 2]


def test_places_that_are_not_one_for_each_rule_are_refused():
    with pytest.raises(ValueError, match="1 positions for 3 rules"):
        OtherChain.from_json({**SEVERAL.to_json(), "positions": [1]})


@pytest.mark.parametrize(
    ("owner", "name", "left"),
    [(Owner.LEGACY, "PODNET-FORWARD", True), (Owner.NFTABLES, "PODNET-FORWARD", False), (Owner.NFT, "FORWARD", False)],
)
def test_chain_of_ours_in_the_other_backend_was_left_behind(owner, name, left):
    assert OtherChain(owner, Chain(ChainKey(4, "filter", name))).left_behind is left


@pytest.mark.parametrize("chain", [OTHER, BELOW, SEVERAL])
def test_chain_is_read_back_from_json_as_it_was(chain):
    assert OtherChain.from_json(json.loads(json.dumps(chain.to_json()))) == chain


def test_chain_of_both_backends_is_two():
    assert OtherChain(Owner.NFT, CHAIN).key != OtherChain(Owner.LEGACY, CHAIN).key


@pytest.mark.parametrize("hook", ["prerouting", "forward", "postrouting", "ingress", None])
def test_forwarded_packets_come_through(hook):
    assert OtherChain(Owner.NFTABLES, CHAIN, hook).on_the_way


@pytest.mark.parametrize("hook", ["input", "output"])
def test_forwarded_packets_do_not_come_through(hook):
    assert not OtherChain(Owner.NFTABLES, CHAIN, hook).on_the_way


def test_record_keeps_what_stands_beside():
    text = records.render(make.snapshot("", OTHER, BELOW), "a", "c")
    assert records.parse(text, "a.json", "c", "a").state.all(OtherChain) == (OTHER, BELOW)


def test_record_says_nothing_of_it_where_there_is_nothing():
    beside, alone = (json.loads(records.render(make.snapshot("", *chains), "a", "c")) for chains in ((OTHER,), ()))
    assert beside.keys() - alone.keys() == {"other_chains"}


def test_record_from_before_is_read():
    text = records.render(make.snapshot(), "a", "c")
    assert records.parse(text, "a.json", "c", "a").state.all(OtherChain) == ()


@pytest.mark.parametrize(("owner", "backend"), [("iptables-legacy", "legacy"), ("iptables-nft", "nft"), ("nft", "nft")])
def test_an_owner_shows_the_rules_of_one_packet_filter(owner, backend):
    assert Owner(owner).backend == backend


@pytest.mark.parametrize(
    ("chain", "at"),
    [
        (OtherChain(Owner.LEGACY, Chain(ChainKey(4, "raw", "PREROUTING")), "prerouting"), -300),
        (OtherChain(Owner.NFTABLES, Chain(ChainKey(4, "ip x", "c")), "postrouting", nat=True), 100),
        (OtherChain(Owner.NFTABLES, Chain(ChainKey(4, "ip x", "c")), "forward"), 0),
        (OtherChain(Owner.NFTABLES, Chain(ChainKey(4, "ip x", "c")), "forward", priority=10), 10),
    ],
)
def test_a_chain_runs_at_its_priority_or_at_the_one_that_is_usual(chain, at):
    assert chain.runs_at == at
    assert OtherChain.from_json(chain.to_json()).runs_at == at
