from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.net import Address, InterfaceAddress, Prefix, collapsed, host_name, if_name, printable

lengths = st.integers(0, 32)
values = st.integers(0, 2**32 - 1)


def prefix(text):
    return Prefix.parse(text)


def address(text):
    return Address.parse(text)


def parsed(value, length):
    return InterfaceAddress(Address(4, value), length).prefix


@pytest.mark.parametrize("text", ["10.4.7.21", "0.0.0.0", "255.255.255.255", "fd00::1", "::", "2001:db8::5:0:0:1"])
def test_an_address_is_written_as_it_was_read(text):
    assert str(address(text)) == text


@pytest.mark.parametrize(
    "text", ["", "10.4.7", "10.4.7.256", "10.4.7.021", " 10.4.7.1", "10.4.7.1\n", "a.b", "fd00:::1"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="is not an IP address"):
        address(text)


def test_an_address_with_a_null_byte_is_refused():
    with pytest.raises(ValueError, match="is not an IP address"):
        address("10.4.7.1\0")


@given(values, lengths)
def test_a_prefix_is_the_one_that_the_standard_library_finds(value, length):
    read = parsed(value, length)
    assert str(read) == str(ipaddress.IPv4Network((value, length), strict=False))


@given(values, lengths, values, lengths)
def test_prefixes_relate_as_the_standard_librarys_do(value, length, other_value, other_length):
    one, other = parsed(value, length), parsed(other_value, other_length)
    theirs, other_theirs = ipaddress.IPv4Network(str(one)), ipaddress.IPv4Network(str(other))
    assert one.covers(other) == other_theirs.subnet_of(theirs)
    assert one.overlaps(other) == theirs.overlaps(other_theirs)
    assert one.contains(Address(4, other_value)) == (ipaddress.ip_address(other_value) in theirs)


def test_a_prefix_with_host_bits_is_refused_with_the_right_one():
    with pytest.raises(ValueError, match=r"172\.7\.21\.1/24 has host bits set; the prefix is 172\.7\.21\.0/24"):
        prefix("172.7.21.1/24")


def test_a_prefix_holds_no_address_of_the_other_ip_version():
    assert not prefix("::/0").contains(address("10.0.0.1"))
    assert not prefix("0.0.0.0/0").covers(prefix("::/0"))


def test_hosts_are_counted_from_either_end():
    network = prefix("172.7.21.0/24")
    assert [str(network.host(number)) for number in (0, 1, 255, -1)] == [
        "172.7.21.0",
        "172.7.21.1",
        "172.7.21.255",
        "172.7.21.255",
    ]


@pytest.mark.parametrize("number", [256, -257])
def test_a_prefix_has_no_host_outside_it(number):
    with pytest.raises(ValueError, match="has no address number"):
        prefix("172.7.21.0/24").host(number)


@pytest.mark.parametrize("text", ["10.4.7.21/33", "10.4.7.21/-1", "10.4.7.21/", "10.4.7.21/2 4", "10.4.7.21/٢"])
def test_a_prefix_length_that_there_is_not_is_refused(text):
    with pytest.raises(ValueError, match="a whole number from 0 to 32"):
        InterfaceAddress.parse(text)


def test_an_interface_address_needs_a_prefix_length():
    with pytest.raises(ValueError, match=r"10\.4\.7\.21 has no prefix length"):
        InterfaceAddress.parse("10.4.7.21")


def test_the_prefix_of_an_interface_address_has_no_host_bits():
    assert InterfaceAddress.parse("10.4.7.21/24").prefix == prefix("10.4.7.0/24")


@pytest.mark.parametrize("name", ["eth0", "docker0", "podnet.1", "br-0123456789ab", "a"])
def test_names_that_devices_have_are_accepted(name):
    assert if_name(name) == name


@pytest.mark.parametrize("name", ["", "-o", ".", "..", "a/b", "veth+", "eth0\n", "a b", "abcdefghijklmnop", "eth0:1"])
def test_names_that_a_tool_would_misread_are_refused(name):
    with pytest.raises(ValueError, match="is not an interface name"):
        if_name(name)


@pytest.mark.parametrize("name", ["", "../a", "a/b", "-a", "a.", "a\n", "é", "a" * 64])
def test_names_that_are_no_file_names_are_refused_for_nodes(name):
    with pytest.raises(ValueError, match="is not a name"):
        host_name(name)


@pytest.mark.parametrize("text", ["\x1b[31m", "a\nb", "\u202etxt", "\x7f", "\x9b1m", "\u2028"])
def test_what_a_terminal_would_act_on_is_escaped(text):
    assert printable(text).isprintable()


def test_what_a_terminal_shows_as_it_is_stays():
    assert printable("-s 172.7.0.0/16 é 'a'") == "-s 172.7.0.0/16 é 'a'"


@given(st.sets(st.integers(0, 40) | values))
def test_addresses_are_collapsed_as_the_standard_library_does(numbers):
    expected = ipaddress.collapse_addresses(ipaddress.IPv4Network(number) for number in numbers)
    assert [*map(str, collapsed(4, numbers))] == [*map(str, expected)]
