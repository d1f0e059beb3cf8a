"""Standard output fails in words."""

from __future__ import annotations

import os

import pytest

from netplan.cli.streams import give_up, standard_output
from netplan.errors import UsageError


def opened(descriptor):
    return standard_output(os.fdopen(descriptor, "w"))


def test_a_reader_that_has_seen_enough_ends_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    with opened(writer) as stream:
        assert stream.write("x" * 100_000) == 100_000
        stream.flush()


def test_output_that_can_not_be_written_is_a_mistake_of_the_command():
    with opened(os.open("/dev/full", os.O_WRONLY)) as stream:
        stream.write("data\n")
        with pytest.raises(UsageError, match=r"^standard output can't be written: No space left on device$"):
            stream.flush()


def test_what_is_written_to_a_stream_that_was_given_up_is_nowhere(tmp_path):
    with (tmp_path / "out").open("w") as stream:
        give_up(stream)
        stream.write("lost")
    assert (tmp_path / "out").read_text() == ""
