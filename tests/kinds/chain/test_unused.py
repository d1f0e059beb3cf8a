"""A table that holds nothing but the built-in chains of iptables is missed by no program."""

from __future__ import annotations

import pytest

from netplan.kinds.chain.unused import built_in, is_unused
from netplan.kinds.chain.value import ChainKey
from netplan.netfilter.nftables.expression import Base, ChainUse
from netplan.netfilter.nftables.table import Table
from tests import make
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.answering import CHAIN, IPV4, nested

FORWARD, ACCEPT = nested({1: 2, 2: 0}), 1


def chains(**more):
    """Return the built-in chains of a table filter with FORWARD and a chain of its own."""
    with answering.kernel() as kernel:
        kernel.add(CHAIN, IPV4, **{"_1": "filter", "_3": "FORWARD", "_4": FORWARD, "_5": ACCEPT, "_6": 0, **more})
        kernel.add(CHAIN, IPV4, _1="filter", _3="DOCKER", _6=0)
        return built_in(4, "filter")


def test_of_the_built_in_chains_those_that_are_there_are_read():
    base = Base("ip", "filter", "FORWARD", "filter", "forward", 0, "accept", 0)
    assert chains() == {make.FORWARD: ChainUse(0, base)}


@pytest.mark.parametrize(
    ("table", "chains_read", "unused"),
    [
        (Table(1, plain=True), chains(), True),
        (Table(2, plain=True), chains(), False),
        (Table(1, plain=False), chains(), False),
        (Table(1, plain=True), chains(_6=3), False),
        (Table(1, plain=True), chains(_5=0), False),
        (Table(1, plain=True), chains(_4=nested({1: 2, 2: 5})), False),
        (Table(1, plain=True), {ChainKey(4, "filter", "FORWARD"): ChainUse(0, None)}, False),
    ],
    ids=["empty", "another chain or set", "not plain", "rules", "a policy", "another priority", "no base chain"],
)
def test_whatever_else_is_in_a_table_makes_it_one_that_is_used(table, chains_read, unused):
    assert is_unused(table, chains_read) is unused
