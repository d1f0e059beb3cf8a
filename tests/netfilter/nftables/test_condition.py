"""What is asked of a packet, in iptables' words; what these can't say is `-m nft`, and holds for some packets."""

from __future__ import annotations

import struct

import pytest

from netplan.netfilter.nftables.condition import Conditions
from netplan.netfilter.nftables.family import FAMILIES
from netplan.netfilter.nftables.load import Load

VAGUE = "-m nft"
FULL = b"\xff" * 16


def host(value):
    return struct.pack("=I", value)


def name(text, size=16):
    return text.encode().ljust(size, b"\0")


def said(*tests, version=4, devices=None):
    """Say conditions one after the other, each a load and the values between which it lies, or `not` those."""
    conditions = Conditions(devices or {}, FAMILIES[version])
    for load, first, *rest in tests:
        last = rest[0] if rest and isinstance(rest[0], bytes) else first
        conditions = conditions.tested(load, first, last, negated="not" in rest)
    return str(conditions)


SOURCE = Load("network", 4, 12)
PORT = Load("transport", 2, 2)
PROTOCOL = Load("l4proto", 1)
STATE = Load("ct state", 4)
IIFNAME = Load("iifname", 16)


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        ([(SOURCE, bytes([10, 0, 0, 1]))], "-s 10.0.0.1/32"),
        ([(SOURCE._replace(length=1), b"\x0a")], "-s 10.0.0.0/8"),
        ([(SOURCE, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 9]), "not")], "-m iprange ! --src-range 10.0.0.1-10.0.0.9"),
        ([(PROTOCOL, b"\x06"), (PORT, b"\0\x50", b"\0\x5a")], "-p 6 -m tcp --dport 80:90"),
        ([(PROTOCOL, b"\x06", "not"), (PROTOCOL, b"\x11", "not")], "! -p 6 -m nft"),
        ([(Load("mark", 4), host(5))], "-m mark --mark 0x5/0xffffffff"),
        ([(Load("mark", 4, mask=host(0x4000)), host(0), "not")], "-m mark --mark 0x4000/0x4000"),
        ([(Load("mark", 4), host(5), host(9))], VAGUE),
        ([(STATE, host(8))], "-m conntrack --ctstate NEW"),
        ([(STATE._replace(mask=host(6)), host(0), "not")], "-m conntrack --ctstate ESTABLISHED,RELATED"),
        ([(STATE, host(1024))], VAGUE),
        ([(STATE, host(8), host(64))], VAGUE),
        ([(STATE, b"\x08")], VAGUE),
        ([(Load("ct direction", 1), b"\x01")], "-m conntrack --ctdir REPLY"),
        ([(Load("ct direction", 1), b"\x02")], VAGUE),
        ([(Load("fib dst out", 4), host(2), "not")], "-m addrtype ! --dst-type LOCAL --limit-iface-out"),
        ([(Load("fib dst", 4), host(99))], VAGUE),
        ([(IIFNAME, name("eth0"))], "-i eth0"),
        ([(IIFNAME, name("eth0"), "not")], "! -i eth0"),
        ([(IIFNAME, name("eth", 3), name("eth", 3))], "-i eth+"),
        ([(IIFNAME, name("eth0"), name("eth9"))], VAGUE),
        ([(IIFNAME, name("a/b"))], VAGUE),
        ([(IIFNAME, name("eth0")), (IIFNAME, name("eth0"))], "-i eth0"),
        ([(IIFNAME, name("eth0"), "not"), (IIFNAME, name("eth1"), "not")], "! -i eth0 -m nft"),
        ([(None, b"\x01")], VAGUE),
        ([(SOURCE._replace(flip=FULL[:4]), b"\x0a\0\0\1")], VAGUE),
        ([(Load("network", 2, 4), b"\0\1")], VAGUE),
        ([(Load("transport", 2, 0, mask=b"\x0f\x0f"), b"\x01\x01")], VAGUE),
    ],
)
def test_a_condition_is_said_in_words_or_is_vague(tests, words):
    assert said(*tests) == words


@pytest.mark.parametrize(("index", "words"), [(2, "-o eth0"), (3, VAGUE)])
def test_a_device_is_named_by_its_index_if_there_is_one(index, words):
    assert said((Load("oif", 4), host(index)), devices={2: "eth0"}) == words


@pytest.mark.parametrize(
    ("version", "load", "value", "words"),
    [
        (6, Load("network", 16, 8), bytes.fromhex("fd00" + 13 * "00" + "05"), "-s fd00::5/128"),
        (6, Load("transport", 1, 0), b"\x80", "-p 58 -m icmp6 --icmpv6-type 128"),
        (4, Load("transport", 2, 0), b"\x03\x04", "-p 1 -m icmp --icmp-type 3/4"),
    ],
)
def test_the_families_have_words_of_their_own(version, load, value, words):
    icmp = [(PROTOCOL, bytes([FAMILIES[version].icmp[0]]))] if load.what == "transport" else []
    assert said(*icmp, (load, value), version=version) == words


@pytest.mark.parametrize(
    ("tests", "impossible"),
    [
        ([(Load("nfproto", 1), b"\x02")], False),
        ([(Load("nfproto", 1), b"\x0a")], True),
        ([(Load("ethertype", 2), b"\x08\x00", "not")], True),
        ([(SOURCE, b"\x0a\0\0\1"), (SOURCE, b"\x0a\0\0\2")], True),
        ([(SOURCE, b"\x0a\0\0\1"), (SOURCE, b"\x0a\0\0\1", "not")], True),
        ([(SOURCE._replace(mask=bytes(4)), b"\0\0\0\1")], True),
        ([(SOURCE._replace(mask=bytes(4)), bytes(4))], False),
    ],
)
def test_conditions_that_no_packet_of_the_family_meets_are_impossible(tests, impossible):
    conditions = Conditions({}, FAMILIES[4])
    for load, value, *negated in tests:
        conditions = conditions.tested(load, value, value, negated=bool(negated))
    assert conditions.impossible is impossible


def test_of_marks_nothing_is_said_once_another_one_is_set():
    marked = Conditions({}, FAMILIES[4]).tested(Load("mark", 4), host(5), host(5)).remarked()
    assert (str(marked), str(marked.remarked())) == (VAGUE, VAGUE)
