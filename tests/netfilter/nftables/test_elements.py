"""The elements of sets and maps, as the kernel in memory tells them."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables.elements import MANY, Element, Sets
from netplan.system.netlink.wire import attribute
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.answering import ELEMENT, IPV4, SET, nested
from tests.netfilter.nftables.instructions import data, verdict

INTERVAL, TIMEOUT, DYNAMIC, CONCATENATED = 0x4, 0x10, 0x20, 0x80
END, CATCHALL = 1, 2


def element(key=b"", *, flags=0, end=b"", result=b"", **more):
    """Write an element: its key, the end of its range in a concatenation, and what a map has for it."""
    content = {1: data(key)} if key else {}
    content |= {10: data(end)} if end else {}
    content |= {2: result} if result else {}
    return nested({**content, 3: flags, **{int(name[1:]): value for name, value in more.items()}})


def read(*members, flags=0, length=1):
    """Return what a set holds."""
    with answering.kernel() as kernel:
        kernel.add(SET, IPV4, _1="t", _2="s", _3=flags, _5=length)
        kernel.add(ELEMENT, IPV4, _1="t", _2="s", _3=b"".join(attribute(1, member) for member in members))
        return Sets("ip", "t")("s")


def test_elements_stand_in_the_order_of_their_keys():
    assert read(element(b"\x02"), element(b"\x01")) == (Element(b"\x01", b"\x01"), Element(b"\x02", b"\x02"))


def test_an_interval_reaches_to_the_next_bound():
    members = (element(b"\x05"), element(b"\x08", flags=END), element(b"\xf0"), element(b"\x00", flags=END))
    assert read(*members, flags=INTERVAL) == (Element(b"\x05", b"\x07"), Element(b"\xf0", b"\xff"))


def test_a_concatenation_has_both_ends_of_its_ranges():
    assert read(element(b"\x05", end=b"\x09"), flags=INTERVAL | CONCATENATED) == (Element(b"\x05", b"\x09"),)


def test_what_no_other_element_has_comes_last():
    members = (element(flags=CATCHALL, result=attribute(2, verdict(0))), element(b"\x05", result=data(b"\x07")))
    elements = read(*members, flags=INTERVAL)
    assert elements is not None
    first, last = elements
    assert (first, last.first, [*last.verdict]) == (Element(b"\x05", b"\xff", b"\x07"), b"", [1])


@pytest.mark.parametrize("flags", [TIMEOUT, DYNAMIC])
def test_what_packets_or_time_change_is_read_as_it_stands(flags):
    assert read(element(b"\x01"), flags=flags) == (Element(b"\x01", b"\x01"),)


def test_a_set_that_is_not_there_is_unknown():
    with answering.kernel():
        assert Sets("ip", "t")("s") is None


@pytest.mark.parametrize(
    ("more", "known"),
    [
        ({}, True),
        ({"_7": nested({1: "counter"})}, True),
        ({"_7": nested({1: "limit"})}, False),
        ({"_11": attribute(1, nested({1: "last"})) + attribute(1, nested({1: "quota"}))}, False),
        ({"_9": "an object"}, False),
    ],
)
def test_an_element_that_more_than_its_key_decides_on_makes_its_set_unknown(more, known):
    assert (read(element(b"\x01", **more)) is not None) is known


@pytest.mark.parametrize(("count", "known"), [(MANY, True), (MANY + 1, False)])
def test_a_set_of_very_many_elements_is_unknown(count, known):
    members = [element(number.to_bytes(2, "big")) for number in range(count)]
    assert (read(*members, length=2) is not None) is known


def test_a_set_of_very_many_intervals_is_unknown():
    members = [element(number.to_bytes(2, "big")) for number in range(MANY + 1)]
    assert read(*members, flags=INTERVAL, length=2) is None


def test_a_table_and_each_of_its_sets_are_read_once():
    with answering.kernel() as kernel:
        for name in ("s", "other"):
            kernel.add(SET, IPV4, _1="t", _2=name, _3=0, _5=1)
            kernel.add(ELEMENT, IPV4, _1="t", _2=name, _3=attribute(1, element(b"\x01")))
        sets = Sets("ip", "t")
        assert [sets(name) for name in ("s", "s", "other")] == [(Element(b"\x01", b"\x01"),)] * 3
        assert kernel.asked == [SET, ELEMENT, ELEMENT]
