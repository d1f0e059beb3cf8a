"""A plan is shown, and asked for on a terminal alone."""

from __future__ import annotations

import io
import sys

import pytest

from netplan.cli.ask import ask_to_apply, dialogue
from netplan.errors import RefusedError
from netplan.operations.request import PlanShown
from tests import make

PLAN = make.plan()


class Terminal(io.StringIO):
    """A terminal on which something was typed."""

    def isatty(self):
        """Say that there is one."""
        return True


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(monkeypatch, capsys, typed, agreed):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert ask_to_apply(PLAN) is agreed
    assert capsys.readouterr().err.startswith("Apply this to a? [y/N] ")


def test_without_a_terminal_nothing_is_asked_and_the_option_is_named(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(RefusedError, match=r"^there is no terminal to ask on, and nothing was changed: use --yes"):
        dialogue(yes=False).decide(PLAN)


def test_with_a_yes_on_the_command_line_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert dialogue(yes=True).decide(PLAN)


def test_the_plan_is_shown_as_text(capsys):
    dialogue(yes=True).show(PlanShown(make.plans(PLAN)))
    assert "+ route   172.7.22.0/24 via 10.4.7.22 dev eth0" in capsys.readouterr().out


def test_another_way_to_show_it_takes_its_place():
    shown: list[PlanShown] = []
    dialogue(yes=True, show=shown.append).show(PlanShown(make.plans(PLAN)))
    assert shown == [PlanShown(make.plans(PLAN))]
