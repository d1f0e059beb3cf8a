"""A rule that looks packets up is one rule for each element, or, of a set that is unknown, holds for some packets."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables.elements import Element
from netplan.system.netlink.wire import attributes
from tests.netfilter.nftables.instructions import ACCEPT, NETWORK, instruction, payload, verdict, words

SOURCE = payload(NETWORK, 12, 4)
IN_SET = instruction("lookup", _1=b"s\0", _2=1)
NOT_IN_SET = instruction("lookup", _1=b"s\0", _2=1, _5=1)
IN_VERDICT_MAP = instruction("lookup", _1=b"s\0", _2=1, _3=0)
IN_MAP = instruction("lookup", _1=b"s\0", _2=1, _3=1)
SNAT = instruction("nat", _1=0, _2=2, _3=1)
ONE, TWO = b"\x0a\0\0\1", b"\x0a\0\0\2"
CHANGING = None


@pytest.mark.parametrize(
    ("rule", "elements", "said"),
    [
        (
            [IN_SET, ACCEPT],
            [Element(ONE, ONE), Element(TWO, TWO)],
            ["-s 10.0.0.1/32 -j ACCEPT", "-s 10.0.0.2/32 -j ACCEPT"],
        ),
        ([IN_SET, ACCEPT], [], ["-m nft --never"]),
        ([IN_SET, ACCEPT], CHANGING, ["-m nft -j ACCEPT"]),
        ([NOT_IN_SET, ACCEPT], [Element(ONE, ONE)], ["! -s 10.0.0.1/32 -j ACCEPT"]),
        ([NOT_IN_SET, ACCEPT], [], ["-j ACCEPT"]),
        (
            [IN_VERDICT_MAP],
            [
                Element(ONE, ONE, verdict=attributes(verdict(-3, "below"))),
                Element(b"", b"", verdict=attributes(verdict(0))),
            ],
            ["-s 10.0.0.1/32 -j below", "-m nft -j DROP"],
        ),
        ([IN_VERDICT_MAP], CHANGING, ["-m nft -j nft-unknown"]),
        ([IN_MAP, SNAT], [Element(ONE, ONE, TWO)], ["-s 10.0.0.1/32 -j SNAT --to-source 10.0.0.2"]),
        ([IN_MAP, SNAT], CHANGING, ["-m nft -j SNAT --to-nft"]),
    ],
)
def test_a_look_up_is_said_element_by_element(rule, elements, said):
    assert words(SOURCE, *rule, look_up=lambda _: elements) == said


def test_a_key_of_which_a_part_is_unknown_may_be_one():
    assert words(IN_SET, ACCEPT, look_up=lambda _: [Element(ONE, ONE)]) == ["-m nft -j ACCEPT"]


def test_not_to_be_one_of_several_fields_can_not_be_said():
    pair = Element(ONE + TWO, ONE + TWO)
    fields = [payload(NETWORK, 12, 4, register=8), payload(NETWORK, 16, 4, register=9)]
    rule = [*fields, instruction("lookup", _1=b"s\0", _2=8, _5=1), ACCEPT]
    assert words(*rule, look_up=lambda _: [pair]) == ["-m nft -j ACCEPT"]


def test_of_more_elements_than_may_be_said_one_rule_holds_for_some_packets():
    elements = [Element(bytes([10, 0, number // 256, number % 256]), b"\xff" * 4) for number in range(1001)]
    assert words(SOURCE, IN_SET, ACCEPT, look_up=lambda _: elements) == ["-m nft -j ACCEPT"]
