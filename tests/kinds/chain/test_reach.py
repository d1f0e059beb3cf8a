"""Which chains are read: the named ones, and those that packets can reach as far as it stays cheap."""

from __future__ import annotations

import pytest
from msgspec import Struct, field

from netplan.kinds.chain.reach import Reach, reached
from netplan.kinds.chain.value import Chain, ChainKey
from tests import make


def nat(name):
    return ChainKey(4, "nat", name)


HOOK = nat("PREROUTING")


class Stored(Struct):
    """Tables in memory, of which the reads are counted; a chain of a big one costs its length."""

    chains: dict[ChainKey, Chain]
    big: bool = False
    reads: list[str] = field(default_factory=list)

    def read(self, key):
        self.reads.append(key.name)
        return self.chains.get(key)

    def cost(self, key):
        return self.length(key) if self.big else 0

    def length(self, key):
        return len(self.chains[key].rules) if key in self.chains else 0

    def owned(self, table):
        return [key for key in self.chains if key.table == table and key.owned]


def stored(*, big=False, **chains):
    """Store chains of table nat, by name, with the rules of each."""
    return Stored({nat(name): Chain(nat(name), make.rules(*rules)) for name, rules in chains.items()}, big)


def read(tables, *, chains=(), walks=(), searched=(), traced=(), follows=None, limit=2000):
    """Return the chains that are read; those without their rules have a `?` behind their names."""
    chains, walks, searched, traced = map(frozenset, (chains, walks, searched, traced))
    chains_read = reached(tables, Reach(chains, walks, searched, traced, follows, limit))
    return [f"{chain.key.name}?" if chain.unread else chain.key.name for chain in chains_read]


def test_chains_are_read_that_a_packet_can_reach():
    assert read(stored(PREROUTING=["-j A"], A=["-g B"], B=[], C=[]), walks=[HOOK]) == ["PREROUTING", "A", "B"]


def test_a_chain_that_is_only_named_is_read_alone():
    assert read(stored(A=["-j B"], B=[]), chains=[nat("A")]) == ["A"]


def test_a_chain_is_read_once():
    tables = stored(PREROUTING=["-j A", "-j B"], A=["-j C"], B=["-j C"], C=["-j A"])
    read(tables, walks=[HOOK])
    assert sorted(tables.reads) == ["A", "B", "C", "PREROUTING"]


def test_chains_of_ours_are_found_in_a_table_that_is_searched():
    assert read(stored(**{"PODNET-A": [], "A": []}), chains=[], searched=["nat"]) == ["PODNET-A"]


SERVICES = {
    "PREROUTING": ["-j S"],
    "S": ["-d 10.0.0.1 -j A", "-d 10.0.0.2 -j B"],
    "A": ["-j ACCEPT"],
    "B": ["-j ACCEPT"],
}


def test_of_a_big_table_the_nearest_chains_are_read_and_the_others_named():
    assert read(stored(big=True, **SERVICES), walks=[HOOK], limit=4) == ["PREROUTING", "S", "A", "B?"]


def test_behind_a_chain_that_costs_too_much_nothing_is_read():
    assert read(stored(big=True, **SERVICES), walks=[HOOK], limit=2) == ["PREROUTING", "S?"]


def test_a_chain_that_costs_too_much_says_how_many_rules_it_has():
    assert [
        chain.unread for chain in reached(stored(big=True, **SERVICES), Reach(walks=frozenset({HOOK}), limit=2))
    ] == [
        0,
        2,
    ]


def test_of_a_small_table_everything_is_read():
    assert read(stored(**SERVICES), walks=[HOOK], limit=0) == ["PREROUTING", "S", "A", "B"]


def test_a_named_chain_is_read_whatever_it_costs():
    assert read(stored(big=True, **SERVICES), chains=[nat("S")], limit=0) == ["S"]


class To(Struct, frozen=True):
    """Follows packets from one hook to one destination."""

    hook: ChainKey
    destination: str

    def __call__(self, hook, rule):
        return hook == self.hook and (rule.destination is None or str(rule.destination.value) == self.destination)

    def __or__(self, other):
        return self


@pytest.mark.parametrize(("hook", "expected"), [(HOOK, ["PREROUTING", "S", "B"]), (nat("OUTPUT"), ["PREROUTING"])])
def test_of_traced_packets_only_those_jumps_are_followed_that_they_may_take(hook, expected):
    assert read(stored(**SERVICES), traced=[HOOK], follows=To(hook, "10.0.0.2/32")) == expected


def test_a_chain_that_is_walked_too_is_followed_for_all_packets():
    assert read(stored(**SERVICES), walks=[HOOK], traced=[HOOK], follows=To(HOOK, "10.0.0.2/32"))[2:] == ["A", "B"]


def test_a_chain_reached_from_two_hooks_is_followed_for_the_packets_of_each():
    tables = stored(OUTPUT=["-j S"], **SERVICES)
    assert read(tables, traced=[HOOK, nat("OUTPUT")], follows=To(HOOK, "10.0.0.2/32")) == [
        "OUTPUT",
        "PREROUTING",
        "S",
        "B",
    ]
