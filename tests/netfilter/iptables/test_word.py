"""Addresses, names and flags of rules in the text that iptables prints."""

from __future__ import annotations

import pytest

from netplan.netfilter.iptables import word


@pytest.mark.parametrize(
    ("read", "text", "canonical"),
    [
        (word.network, "10.4.7.21", "10.4.7.21/32"),
        (word.host_or_network, "10.4.7.21/32", "10.4.7.21"),
        (word.host_or_network, "10.4.7.21/24", "10.4.7.0/24"),
        (word.address_range, "10.4.7.21", "10.4.7.21-10.4.7.21"),
        (word.nat_range, "10.4.7.21-10.4.7.21:80", "10.4.7.21:80"),
        (word.nat_range, ":1024-2048/80", ":1024-2048/80"),
        (word.mac, "2:42:AC:11:0:2", "02:42:ac:11:00:02"),
        (word.icmp_type({"ping": "8"}), "PING", "8"),
        (word.icmp_type({}), "0x3/04", "3/4"),
        (word.one_of({"bm": "bm"}), "BM", "bm"),
        (word.comment, "ü" * 127 + "xyz", "ü" * 127 + "x"),
    ],
)
def test_a_value_is_read_into_the_text_that_iptables_prints(read, text, canonical):
    assert read(text, 4) == canonical


def test_nat_to_a_port_of_an_ipv6_address_is_printed_in_brackets():
    assert word.nat_range("[FD00::5]:80", 6) == "[fd00::5]:80"


def test_flags_are_printed_in_their_order_and_by_their_short_names():
    read = word.flags(("SYN", "ACK", "FIN"), none="NONE", everything="ALL")
    assert [read(text, 4) for text in ("fin,syn", "ALL", "none")] == ["SYN,FIN", "SYN,ACK,FIN", "NONE"]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (
            word.host_or_network,
            "10.0.7.0/255.0.255.0",
            "has a mask that iptables-save would hide: write a prefix length",
        ),
        (word.text_up_to(3), "four", "is empty or longer than 3 bytes"),
        (word.text_up_to(3), "", "is empty or longer than 3 bytes"),
        (word.pattern, "ends with \\", "without a backslash at the end: use --hex-string"),
        (word.comment, "ü" * 200, "longer than 255 bytes, and iptables would cut it within a character"),
        (word.nat_range, "10.0.0.1:80/5", "that needs a range, such as 1024-2048/80"),
        (word.mac, "02:42:ac", "is not an Ethernet address"),
        (word.directions, "src,up", "is not up to six of src and dst"),
        (word.set_name, "x" * 32, "is longer than 31 bytes"),
        (word.flags(("SYN",)), "SYN,URG", "'URG' is not one of SYN"),
    ],
)
def test_what_iptables_does_not_take_is_refused_with_what_would_be_right(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text, 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "1 to 28 bytes"), ("x" * 29, "1 to 28 bytes"), ("-A", "starts with '-'"), ("a b", "one word")],
)
def test_a_chain_has_a_name_that_iptables_takes(name, message):
    with pytest.raises(ValueError, match=message):
        word.chain_name(name)


@pytest.mark.parametrize("name", ["a/b", "", "sixteen-letters-"])
def test_an_interface_has_a_name_that_the_kernel_takes(name):
    with pytest.raises(ValueError, match="is not an interface name: 1 to 15 bytes"):
        word.interface(name, 4)
