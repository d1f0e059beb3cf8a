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
