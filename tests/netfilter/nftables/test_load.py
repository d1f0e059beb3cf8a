"""What an instruction loads, in the terms in which iptables asks for it."""

from __future__ import annotations

import struct

import pytest

from netplan.netfilter.nftables.load import Load, loaded, native
from tests.netfilter.nftables.instructions import MARK, NETWORK, TRANSPORT, instruction, meta, payload


@pytest.mark.parametrize(
    ("expression", "load"),
    [
        (payload(NETWORK, 12, 4), Load("network", 4, 12)),
        (payload(TRANSPORT, 2, 2), Load("transport", 2, 2)),
        (payload(0, 12, 2), Load("ethertype", 2)),
        (payload(0, 6, 6), None),
        (payload(3, 0, 4), None),
        (meta(MARK), Load("mark", 4)),
        (meta(99), None),
        (instruction("ct", _1=1, _2=0), Load("ct state", 4)),
        (instruction("ct", _1=1, _2=3), Load("ct mark", 4)),
        (instruction("ct", _1=1, _2=8, _3=0), None),
        (instruction("fib", _1=1, _2=3, _3=2), Load("fib dst", 4)),
        (instruction("fib", _1=1, _2=3, _3=9), Load("fib src in", 4)),
        (instruction("fib", _1=1, _2=1, _3=9), Load("index rpfilter", 4)),
        (instruction("fib", _1=1, _2=1, _3=45), Load("rpfilter --validmark", 4)),
        (instruction("fib", _1=1, _2=1, _3=10), None),
        (instruction("socket", _1=0, _2=1), Load("socket transparent", 1)),
        (instruction("socket", _1=1, _2=1), None),
    ],
)
def test_an_instruction_loads_what_iptables_has_a_word_for_or_nothing(expression, load):
    assert loaded(expression) == load


def test_a_mark_is_in_the_byte_order_of_the_machine():
    assert native(struct.pack("=I", 0x4000)) == 0x4000
