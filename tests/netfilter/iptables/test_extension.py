"""The options of a match or target: what they mean, and what they need beside them."""

from __future__ import annotations

import pytest

from netplan.net import Address
from netplan.netfilter.iptables.extension import ExtensionSpec, Option, OptionSpec
from netplan.netfilter.iptables.number import number
from netplan.netfilter.iptables.operands import AddressMask, AddressRange, Condition, Masked, NatRange, Range
from netplan.netfilter.iptables.rule import Rule


def option(text, name, version=4):
    rule = Rule.parse(text, version=version)
    part = rule.matches[-1] if rule.target is None else rule.target
    value = part.get(name)
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("text", "name", "masked"),
    [
        ("-m mark --mark 0x4000/0x4000", "mark", Masked(0x4000, 0x4000)),
        ("-m mark --mark 5", "mark", Masked(5, 0xFFFFFFFF)),
        ("-j MARK --xor-mark 5", "set-xmark", Masked(5, 0)),
        ("-j CONNMARK --save-mark --nfmask 0xff", "nfmask", Masked(0xFF, 0xFFFFFFFF)),
    ],
)
def test_a_mark_and_its_mask(text, name, masked):
    assert option(text, name).masked == masked


@pytest.mark.parametrize(
    ("text", "name", "ranges"),
    [
        ("-p tcp --dport 80", "dport", (Range(80, 80),)),
        ("-p tcp --dport :1023", "dport", (Range(0, 1023),)),
        ("-p tcp -m multiport --dports http,1024:2048", "dports", (Range(80, 80), Range(1024, 2048))),
        ("-p tcp -j MASQUERADE --to-ports 1024-2048", "to-ports", (Range(1024, 2048),)),
        ("-m length --length 64:", "length", (Range(64, 65535),)),
    ],
)
def test_ports_and_lengths_are_ranges(text, name, ranges):
    assert option(text, name).ranges == ranges


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("-m conntrack --ctstate ESTABLISHED,NEW", "ctstate", ("NEW", "ESTABLISHED")),
        ("-m addrtype --dst-type local", "dst-type", ("LOCAL",)),
    ],
)
def test_flags_are_words_in_the_order_of_iptables(text, name, words):
    assert option(text, name).words == words


def test_a_set_and_the_directions_it_is_looked_up_in():
    sets = option("-m set ! --match-set pods src,dst", "match-set")
    assert (sets.negated, sets.values) == (True, ("pods", "src,dst"))


def test_tcp_flags_are_those_looked_at_and_those_that_are_set():
    assert option("-p tcp --syn", "tcp-flags").values == ("FIN,SYN,RST,ACK", "SYN")


@pytest.mark.parametrize(
    ("text", "icmp_type"),
    [("echo-request", (8, None)), ("fragmentation-needed", (3, 4)), ("8/0", (8, 0)), ("any", None), ("255", None)],
)
def test_an_icmp_type(text, icmp_type):
    assert option(f"-p icmp --icmp-type {text}", "icmp-type").icmp_type == icmp_type


def test_an_option_that_every_packet_meets_is_not_there():
    assert Rule.parse("-p tcp --dport 0:65535").matches[0].get("dport") is None


@pytest.mark.parametrize(("address", "contains"), [("10.4.7.20", True), ("10.4.7.22", False), ("fd00::1", False)])
def test_a_range_of_addresses(address, contains):
    addresses = option("-m iprange --src-range 10.4.7.19-10.4.7.21", "src-range").addresses
    assert addresses.contains(Address.parse(address)) is contains


@pytest.mark.parametrize(
    ("text", "first", "ports", "version"),
    [
        ("192.0.2.1", "192.0.2.1", None, 4),
        ("192.0.2.1:80", "192.0.2.1", Range(80, 80), 4),
        ("[2001:db8::1]:80-90", "2001:db8::1", Range(80, 90), 6),
        ("2001:db8::1", "2001:db8::1", None, 6),
        ("[2001:db8::1]", "2001:db8::1", None, 6),
        ("192.0.2.1:80-90/8080", "192.0.2.1", Range(80, 90), 4),
    ],
)
def test_what_nat_rewrites_to(text, first, ports, version):
    nat_range = option(f"-p tcp -j DNAT --to-destination {text}", "to-destination", version).nat
    assert nat_range == NatRange(AddressRange(Address.parse(first), Address.parse(first)), ports)


def test_nat_of_the_port_alone_keeps_the_address():
    assert option("-p tcp -j DNAT --to-destination :80", "to-destination").nat == NatRange(None, Range(80, 80))


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.4.7.21"])
def test_a_network_of_a_connection(text):
    assert option(f"-m conntrack --ctorigsrc {text}", "ctorigsrc").network(4) == AddressMask.parse(text, 4)


def test_a_comment_is_its_text():
    assert option("-m comment --comment 'a \"b\"'", "comment").text == 'a "b"'


SPEC = ExtensionSpec(
    "made-up",
    (
        OptionSpec("first", (number(0, 9),), ("one",), negatable=True, hidden=("0",)),
        OptionSpec("second", default=("four", "six")),
        OptionSpec("third"),
    ),
    exactly=("first", "third"),
    protocols=frozenset({6}),
)


def finished(*options, version=4, protocol=6):
    return SPEC.finish({option.name: option for option in options}, version, Condition(protocol))


@pytest.mark.parametrize(("version", "value"), [(4, "four"), (6, "six")])
def test_a_default_is_printed_in_its_place_as_the_ip_version_has_it(version, value):
    assert finished(Option("third"), version=version) == (Option("second", values=(value,)), Option("third"))


def test_a_value_that_every_packet_meets_is_not_printed():
    assert finished(Option("first", values=("0",))) == (Option("second", values=("four",)),)


@pytest.mark.parametrize(
    ("options", "protocol", "message"),
    [
        ((), 6, "needs one of --first or --third"),
        ((Option("third"), Option("first", values=("1",))), 6, "needs one of --first or --third"),
        ((Option("third"),), 17, "needs -p tcp"),
    ],
)
def test_what_an_extension_needs_is_named(options, protocol, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        finished(*options, protocol=protocol)


def test_an_option_is_read_under_its_other_name_too():
    assert SPEC.by_name["one"].read(["07"], 4, negated=True) == Option("first", negated=True, values=("7",))


@pytest.mark.parametrize(
    ("name", "words", "message"), [("third", [], "can't be negated"), ("one", ["0"], "never match")]
)
def test_a_negation_that_makes_no_sense_is_refused(name, words, message):
    with pytest.raises(ValueError, match=message):
        SPEC.by_name[name].read(words, 4, negated=True)
