from __future__ import annotations

import sys

import pytest

from netplan.cli import main


@pytest.fixture
def podnet(monkeypatch, capsys):
    """Run podnet; give its exit code and what it wrote."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["podnet", *words])
        code = main.main()
        written = capsys.readouterr()
        return code, written.out, written.err

    return run
