"""Tables, chains and rules of nftables, as the kernel in memory tells them."""

from __future__ import annotations

import errno

import pytest

from netplan.errors import ObserveError
from netplan.netfilter.nftables import expression
from netplan.netfilter.nftables.expression import Base, ChainUse, Expression
from netplan.system.netlink.wire import attribute
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.answering import CHAIN, GENERATION, INET, IPV4, IPV6, NETDEV, RULE, SET, TABLE, nested

FORWARD = nested({1: 2, 2: -100})
BASE = Base("ip", "filter", "FORWARD", "filter", "forward", -100, "drop", 3)


@pytest.fixture
def kernel():
    """Make a kernel with a table of IPv4 that iptables made, and other tables."""
    with answering.kernel() as kernel:
        kernel.add(GENERATION, 0, _1=7)
        kernel.add(TABLE, IPV4, _1="filter", _2=0, _3=2)
        kernel.add(TABLE, INET, _1="asleep", _2=1, _3=1)
        kernel.add(CHAIN, IPV4, _1="filter", _3="FORWARD", _4=FORWARD, _5=0, _6=3)
        kernel.add(CHAIN, IPV4, _1="filter", _3="PODNET-FORWARD", _6=2)
        kernel.add(CHAIN, IPV4, _1="nat", _3="FORWARD", _6=1)
        kernel.add(CHAIN, INET, _1="asleep", _3="in", _4=nested({1: 1, 2: 0}), _6=0, _7="nat")
        kernel.add(CHAIN, NETDEV, _1="edge", _3="out", _4=nested({1: 1, 2: 5}), _6=0)
        for chain, name in (("FORWARD", "counter"), ("FORWARD", "immediate"), ("INPUT", "counter")):
            part = nested({1: name, 2: nested({1: 9})})
            kernel.add(RULE, IPV4, _1="filter", _2=chain, _4=attribute(1, part))
        kernel.add(SET, IPV4, _1="filter", _2="__set0")
        yield kernel


@pytest.mark.usefixtures("kernel")
def test_the_generation_is_what_the_kernel_says():
    assert expression.generation() == b"\0\0\0\7"


@pytest.mark.usefixtures("kernel")
def test_a_chain_that_packets_enter_by_themselves_is_told_with_its_hook():
    assert expression.read_chain(4, "filter", "FORWARD") == ChainUse(3, BASE)


@pytest.mark.usefixtures("kernel")
def test_a_chain_that_only_rules_lead_to_has_no_hook():
    assert expression.read_chain(4, "filter", "PODNET-FORWARD") == ChainUse(2, None)


@pytest.mark.usefixtures("kernel")
def test_a_chain_that_is_not_there_is_none():
    assert expression.read_chain(6, "filter", "FORWARD") is None


@pytest.mark.usefixtures("kernel")
def test_the_chains_that_packets_enter_are_those_of_tables_that_do_not_sleep():
    edge = Base("netdev", "edge", "out", "filter", "egress", 5, "accept", 0)
    assert {*expression.bases(expression.chains())} == {BASE, edge}


@pytest.mark.usefixtures("kernel")
def test_chains_are_found_by_the_beginning_of_their_names():
    assert [*expression.names(expression.chains(), 4, "PODNET-")] == [("filter", "PODNET-FORWARD")]


@pytest.mark.parametrize(("version", "limit", "count"), [(4, 2, 5), (4, 1, 2), (6, 2, 0)])
@pytest.mark.usefixtures("kernel")
def test_the_rules_of_a_table_are_counted_but_of_one_of_many_chains_these(version, limit, count):
    assert expression.uses(expression.chains(), version, "filter", limit) == count


@pytest.mark.usefixtures("kernel")
def test_a_rule_is_taken_apart_into_its_instructions():
    rules = [expression.expressions(rule) for rule in expression.rules_of(4, "filter", "FORWARD")]
    assert rules == expression.rules("ip", "filter", "FORWARD")
    assert [[(part.name, part.number(1), part.number(2)) for part in rule] for rule in rules] == [
        [("counter", 9, -1)],
        [("immediate", 9, -1)],
    ]


@pytest.mark.usefixtures("kernel")
def test_the_rules_of_a_table_are_told_by_their_chains():
    by_chain = expression.rules_by_chain("filter", 4)
    assert {name: len(rules) for name, rules in by_chain.items()} == {"FORWARD": 2, "INPUT": 1}


@pytest.mark.usefixtures("kernel")
def test_the_sets_of_a_table_have_names():
    assert (expression.sets("ip", "filter"), expression.sets("ip6", "filter")) == (["__set0"], [])


def test_data_of_an_operand_is_what_it_holds():
    compared = Expression("cmp", {3: attribute(1, b"\x0a\0\0\1")})
    assert (compared.value(3), compared.value(4)) == (b"\x0a\0\0\1", b"")


def test_a_kernel_that_does_not_tell_is_an_error_and_one_without_nftables_is_not():
    with answering.kernel(refuses=errno.EPERM), pytest.raises(ObserveError, match=r"does not tell .*: refused"):
        expression.generation()
    with answering.kernel(refuses=errno.EOPNOTSUPP):
        assert (expression.generation(), expression.rules_of(6, "filter", "FORWARD")) == (b"", [])


@pytest.mark.parametrize(("family", "number"), [("ip", IPV4), ("ip6", IPV6), ("inet", INET), ("netdev", NETDEV)])
def test_a_family_has_the_kernel_s_number(family, number):
    assert expression.number_of(family) == number
