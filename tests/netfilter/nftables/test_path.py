"""The registers of a rule as it is read, and the rules that it becomes."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables.condition import Conditions
from netplan.netfilter.nftables.family import FAMILIES
from netplan.netfilter.nftables.load import Load
from netplan.netfilter.nftables.path import Path, slot

EMPTY = Path(Conditions({}, FAMILIES[4]))
MARK = Load("mark", 4)


@pytest.mark.parametrize(("register", "number"), [(1, 0), (2, 4), (4, 12), (8, 0), (9, 1), (23, 15)])
def test_registers_of_sixteen_bytes_overlap_those_of_four(register, number):
    """linux/netfilter/nf_tables.h, enum nft_registers."""
    assert slot(register) == number


def test_data_is_read_from_any_register_that_it_reaches_into():
    path = EMPTY.holding(1, b"abcdefgh")
    assert [path.data(register, length) for register, length in ((1, 8), (9, 4), (8, 2))] == [
        b"abcdefgh",
        b"efgh",
        b"ab",
    ]


def test_data_that_is_too_short_or_was_loaded_from_a_packet_is_none():
    path = EMPTY.holding(1, b"ab").holding(9, MARK)
    assert (path.data(1, 4), path.data(9, 4), path.load(9), path.load(1)) == (None, None, MARK, None)


def test_what_was_loaded_is_forgotten_once_a_mark_is_set():
    assert EMPTY.holding(1, MARK).marking("-j MARK --set-xmark 0x1/0x1").load(1) is None


def test_a_rule_that_marks_what_it_tested_the_mark_of_and_ends_is_one():
    tested = EMPTY.conditions.tested(MARK, b"\1\0\0\0", b"\1\0\0\0")
    path = Path(tested).marking("-j MARK --set-xmark 0x2/0x2").ending("-j ACCEPT")
    (text,) = path.texts()
    assert text.endswith(" -m MARK --set-xmark 0x2/0x2 -j ACCEPT")


def test_a_rule_that_no_packet_meets_is_none():
    never = EMPTY.conditions.tested(Load("nfproto", 1), b"\x0a", b"\x0a")
    assert [*Path(never).ending("-j ACCEPT").texts()] == []
