"""A bar is drawn for what takes long, on a terminal alone."""

from __future__ import annotations

import io
import sys

import pytest

from netplan.cli import progress
from netplan.cli.progress import Bar


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self):
        """Say that there is one."""
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    return stream


def test_what_is_done_soon_is_not_drawn(terminal):
    with Bar().during("reading the kernel"):
        pass
    assert terminal.getvalue() == ""


def test_nothing_is_drawn_elsewhere(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    with Bar().during("reading the kernel"):
        pass
    assert capsys.readouterr().err == ""
