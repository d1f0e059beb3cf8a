"""The seconds that are left for a confirm."""

from __future__ import annotations

import io
import sys

import pytest

from netplan.cli.countdown import count_down


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self):
        """Say that there is one."""
        return True


@pytest.mark.parametrize(("left", "written"), [(9.2, "\r  10 s left "), (None, "\r\x1b[K")])
def test_the_seconds_are_rounded_up_and_cleared_in_the_end(monkeypatch, left, written):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    count_down(left)
    assert terminal.getvalue() == written


def test_nothing_is_counted_where_there_is_no_terminal(capsys):
    count_down(9.2)
    assert capsys.readouterr().err == ""
