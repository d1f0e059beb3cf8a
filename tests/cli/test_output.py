"""What a use case tells, on a terminal."""

from __future__ import annotations

from netplan.cli.output import terminal


def test_a_remark_of_a_use_case_keeps_its_lines_and_reaches_no_terminal_as_a_control_character(capsys):
    terminal.note("one\x1b[2J\ntwo")
    assert capsys.readouterr().err == "one\\x1b[2J\ntwo\n"
