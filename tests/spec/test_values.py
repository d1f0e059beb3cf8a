"""How single values of a spec are read: what is taken, and what is said of anything else."""

from __future__ import annotations

import pytest

from netplan.spec import values
from netplan.spec.values import PortRange, command_words, port_ranges


def refusal(read, *words):
    """Return why a value is refused."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read(*words)
    return str(caught.value)


def test_ranges_of_ports_are_read_in_order():
    assert port_ranges("1024-29999,32768-65535") == (PortRange(1024, 29999), PortRange(32768, 65535))


def test_a_range_of_ports_is_written_as_it_was_read():
    assert (str(PortRange.parse("1024-29999")), PortRange(1024, 2047).size) == ("1024-29999", 1024)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1024", "is not a range of ports"),
        ("0-80", "is not a range of ports"),
        ("80-70", "the lower one first"),
        ("1-65536", "they go from 1 to 65535"),
        ("1024-2047,2047-3000", "overlap"),
        ("3000-4000,1024-2047", "stand in the wrong order"),
    ],
)
def test_what_is_no_range_of_ports_is_refused(text, why):
    assert why in refusal(port_ranges, text)


@pytest.mark.parametrize("word", ["a\0b", "x" * 5000])
def test_a_word_that_no_program_takes_is_refused(word):
    assert "can't be given to a program" in refusal(command_words, ["curl", word])


def test_a_program_has_a_name():
    assert "can't be given to a program" in refusal(command_words, ["", "x"])


def test_the_path_of_what_is_loaded_at_boot_can_be_shown():
    assert "/etc/\\x1b" in refusal(values.persist_path, "/etc/\x1bx")


def test_the_value_of_a_sysctl_is_written_as_the_kernel_does():
    assert values.sysctl_value(" 4096  0131072 max ") == "4096 131072 max"


@pytest.mark.parametrize("value", ["", " ", "x" * 129, "a\nb", "ü"])
def test_the_value_of_a_sysctl_is_one_line_of_ascii(value):
    assert "is not the value of a sysctl" in refusal(values.sysctl_value, value)


def test_a_command_has_no_more_words_than_one_would_write():
    assert "a command has at most" in refusal(command_words, ["x"] * 1000)


@pytest.mark.parametrize("path", ["none", "/etc/iptables/rules.v4"])
def test_what_is_loaded_at_boot_is_a_path_or_none(path):
    assert values.persist_path(path) == path


@pytest.mark.parametrize(
    ("address", "special"), [("127.0.0.1", "127.0.0.0/8"), ("224.0.0.5", "224.0.0.0/4"), ("ff02::1", "ff00::/8")]
)
def test_no_node_has_a_special_address(address, special):
    assert f"{address} lies in {special}" in refusal(values.public_address, address)


@pytest.mark.parametrize("address", ["203.0.113.21", "fec0::1"])
def test_a_node_may_have_an_address_that_only_begins_like_a_special_one(address):
    assert str(values.public_address(address)) == address
