"""Addresses, marks, ranges and interfaces as a rule names them."""

from __future__ import annotations

import pytest

from netplan.net import Address, Prefix
from netplan.netfilter.iptables.operands import (
    AddressMask,
    AddressRange,
    NatRange,
    Range,
    interface_matches,
    split_nat_range,
)

ADDRESS = Address.parse("10.4.7.21")


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("10.4.7.21", "10.4.7.21/32"),
        ("10.4.7.21/24", "10.4.7.0/24"),
        ("10.4/255.255.0.0", "10.4.0.0/16"),
        ("10/8", "10.0.0.0/8"),
        ("0/0", "0.0.0.0/0"),
        ("fd00::1/ffff::", "fd00::/16"),
        ("fd00::1/64", "fd00::/64"),
    ],
)
def test_a_contiguous_mask_is_a_prefix(text, prefix):
    assert AddressMask.parse(text, 6 if ":" in text else 4).prefix == Prefix.parse(prefix)


@pytest.mark.parametrize("text", ["10.0.12.0/255.0.255.0", "fd00::/ffff:0:ffff::"])
def test_a_mask_with_gaps_is_kept_and_is_no_prefix(text):
    addresses = AddressMask.parse(text, 6 if ":" in text else 4)
    assert (str(addresses), addresses.prefix) == (text, None)


@pytest.mark.parametrize(
    ("text", "contains"),
    [("10.4.7.0/24", True), ("10.4.8.0/24", False), ("10.0.7.0/255.0.255.0", True), ("10.0.8.0/255.0.255.0", False)],
)
def test_an_address_under_a_mask(text, contains):
    assert AddressMask.parse(text, 4).contains(ADDRESS) is contains


def test_an_ipv4_address_lies_in_no_ipv6_prefix():
    assert not AddressMask.parse("::/0", 6).contains(ADDRESS)


@pytest.mark.parametrize(
    "text", ["10.0.0.1/", "10.0.0.1/33", "10.0.0.1/255.0", "10.0.0.1/-1", "1.2.3.4.5", "10.256", ""]
)
def test_what_is_no_address_or_mask_is_refused(text):
    with pytest.raises(ValueError, match="is not a"):
        AddressMask.parse(text, 4)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [("eth0", "eth0", True), ("eth0", "eth01", False), ("veth+", "veth1a", True), ("veth+", "eth0", False)],
)
def test_an_interface_pattern(pattern, name, matches):
    assert interface_matches(pattern, name) is matches


@pytest.mark.parametrize(("number", "contains"), [(79, False), (80, True), (90, True), (91, False)])
def test_both_ends_belong_to_a_range(number, contains):
    assert Range(80, 90).contains(number) is contains


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1:80", ("10.0.0.1", "80")),
        (":80", ("", "80")),
        ("[fd00::5]:80", ("fd00::5", "80")),
        ("[fd00::5]", ("fd00::5", "")),
        ("fd00::5", ("fd00::5", "")),
    ],
)
def test_what_nat_rewrites_to_is_split_into_addresses_and_ports(text, parts):
    assert split_nat_range(text) == parts


@pytest.mark.parametrize(
    ("text", "addresses", "ports"),
    [("10.4.7.20-10.4.7.22:80", ("10.4.7.20", "10.4.7.22"), Range(80, 80)), (":80-90/8080", None, Range(80, 90))],
)
def test_a_range_that_nat_rewrites_to(text, addresses, ports):
    expected = None if addresses is None else AddressRange(*map(Address.parse, addresses))
    assert NatRange.of(text) == NatRange(expected, ports)


@pytest.mark.parametrize(("address", "contains"), [("10.4.7.20", False), ("10.4.7.21", True), ("fd00::1", False)])
def test_a_single_address_is_a_range_of_one(address, contains):
    assert AddressRange.of("10.4.7.21").contains(Address.parse(address)) is contains
