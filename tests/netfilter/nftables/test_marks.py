"""Marks that rules set, in the words of MARK and CONNMARK."""

from __future__ import annotations

import struct

import pytest

from tests.netfilter.nftables.instructions import MARK, bitwise, data, instruction, meta, words


def host(value):
    return struct.pack("=I", value)


def extension(name, info):
    return instruction("target", _1=name.encode() + b"\0", _2=2, _3=info)


SET_MARK = instruction("meta", _2=MARK, _3=1)
SET_CT_MARK = instruction("ct", _2=3, _4=1)
CT_MARK = instruction("ct", _1=1, _2=3)
ALL = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ([instruction("immediate", _1=1, _2=data(host(5))), SET_MARK], ["-j MARK --set-xmark 0x5/0xffffffff"]),
        ([meta(MARK), bitwise(host(0xFF), host(0)), SET_MARK], ["-j MARK --set-xmark 0x0/0xffffff00"]),
        ([meta(MARK), bitwise(host(ALL), host(1)), SET_MARK], ["-j MARK --set-xmark 0x1/0x0"]),
        ([CT_MARK, SET_MARK], ["-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff"]),
        (
            [meta(MARK), bitwise(host(0xF), host(0)), SET_CT_MARK],
            ["-j CONNMARK --save-mark --nfmask 0xf --ctmask 0xffffffff"],
        ),
        (
            [CT_MARK, bitwise(host(0xF), host(1)), SET_MARK],
            ["-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xf", "-j MARK --set-xmark 0x1/0x0"],
        ),
        ([instruction("numgen", _1=1), SET_MARK], ["-j MARK --set-nft"]),
    ],
)
def test_a_mark_is_set_to_a_number_by_bits_or_from_the_other_mark(rule, said):
    assert words(*rule) == said


@pytest.mark.parametrize(
    ("name", "info", "said"),
    [
        ("MARK", struct.pack("=II", 0x4000, 0x4000), "-j MARK --set-xmark 0x4000/0x4000"),
        ("CONNMARK", struct.pack("=IIIB", 1, 0xF, ALL, 0), "-j CONNMARK --set-xmark 0x1/0xf"),
        ("CONNMARK", struct.pack("=IIIB", 0, 0xF, ALL, 1), "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xf"),
        (
            "CONNMARK",
            struct.pack("=IIIB", 0, ALL, 0xF, 2),
            "-j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xffffffff",
        ),
    ],
)
def test_a_target_of_iptables_that_marks_is_said_as_it_was_written(name, info, said):
    """linux/netfilter/xt_mark.h, xt_connmark.h: struct xt_mark_tginfo2, struct xt_connmark_tginfo1."""
    assert words(extension(name, info)) == [said]
