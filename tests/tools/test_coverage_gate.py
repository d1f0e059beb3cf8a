"""What of the package must be covered: the gate lets no file cover less than today, and no excuse outlive its need."""

from __future__ import annotations

import json

import pytest

from tools import coverage_gate
from tools.coverage_gate import Covered, Excuse, complaints, lowered, read_report, remarks, required

PURE = "netplan/trace/fib.py"
USE_CASE = "netplan/operations/apply.py"
EXCUSES = {PURE: Excuse(3, "seen in namespaces only")}


def summary(lines, branches):
    """Return what coverage reports of a file of 20 lines and 10 branches."""
    return {"covered_lines": lines, "num_statements": 20, "covered_branches": branches, "num_branches": 10}


def test_lines_and_branches_are_counted_together():
    report = {"files": {PURE: {"summary": summary(20, 9)}}}
    assert read_report(report) == {PURE: Covered(29, 30)}


@pytest.mark.parametrize(
    ("path", "percent"),
    [
        ("netplan/planning/advice/mtu.py", 100),
        ("netplan/kinds/route/value.py", 100),
        ("netplan/kinds/route/codec.py", 100),
        (USE_CASE, 95),
        ("netplan/kinds/route/driver.py", 0),
        ("netplan/cli/main.py", 0),
    ],
)
def test_what_must_be_covered_of_a_file_is_said_by_its_place(path, percent):
    assert required(path) == percent


def test_a_pure_file_that_is_covered_wholly_is_well():
    assert list(complaints({PURE: Covered(30, 30)}, {})) == []


def test_a_pure_file_may_miss_nothing():
    assert list(complaints({PURE: Covered(29, 30)}, {})) == [
        "netplan/trace/fib.py: 1 lines and branches are not covered, 0 may be: test them"
    ]


@pytest.mark.parametrize(("covered", "number"), [(95, 0), (94, 1)])
def test_a_use_case_may_miss_five_percent(covered, number):
    assert len(list(complaints({USE_CASE: Covered(covered, 100)}, {}))) == number


def test_a_file_of_no_rule_may_miss_everything():
    assert list(complaints({"netplan/cli/main.py": Covered(0, 30)}, {})) == []


def test_a_file_that_misses_what_it_is_excused_for_is_well():
    assert list(complaints({PURE: Covered(27, 30)}, EXCUSES)) == []


def test_a_file_that_misses_more_than_it_is_excused_for_is_named():
    assert list(complaints({PURE: Covered(26, 30)}, EXCUSES)) == [
        "netplan/trace/fib.py: 4 lines and branches are not covered, 3 may be: test them"
    ]


def test_a_file_that_misses_less_than_it_is_excused_for_has_its_entry_lowered():
    assert list(remarks({PURE: Covered(28, 30)}, EXCUSES)) == [
        "netplan/trace/fib.py: 2 lines and branches are not covered, fewer than 3: lower its entry"
    ]


def test_a_file_that_needs_no_excuse_has_none():
    assert list(remarks({PURE: Covered(30, 30)}, EXCUSES)) == [
        "netplan/trace/fib.py: covers what it must: delete its entry"
    ]


def test_an_excuse_of_a_file_that_is_gone_is_deleted():
    assert list(complaints({}, EXCUSES)) == ["netplan/trace/fib.py: there is no such file: delete its entry"]


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({PURE: Covered(28, 30)}, {PURE: Excuse(2, "seen in namespaces only")}),
        ({PURE: Covered(20, 30)}, EXCUSES),
        ({PURE: Covered(30, 30)}, {}),
        ({}, {}),
    ],
)
def test_lowering_never_raises_and_adds_nothing(files, left):
    assert lowered(files, EXCUSES) == left


@pytest.fixture
def gate(tmp_path, monkeypatch, capsys):
    """Run the gate on a report of one file that misses two, with some excuses; return its code, words and excuses."""

    def run(excuses, *options):
        (tmp_path / "report.json").write_text(json.dumps({"files": {PURE: {"summary": summary(19, 9)}}}))
        (tmp_path / "excuses.json").write_text(json.dumps(excuses))
        monkeypatch.setattr(coverage_gate, "ROOT", tmp_path)
        monkeypatch.setattr(coverage_gate, "EXCUSES", tmp_path / "excuses.json")
        code = coverage_gate.main([str(tmp_path / "report.json"), *options])
        return code, capsys.readouterr().out, json.loads((tmp_path / "excuses.json").read_text())

    return run


def test_a_report_that_fits_is_met_with_silence(gate):
    excuses = {PURE: {"missing": 2, "reason": "seen in namespaces only"}}
    assert gate(excuses) == (0, "", excuses)


def test_a_report_that_does_not_fit_fails_and_says_where_the_entries_are(gate):
    code, out, _ = gate({})
    assert (code, out.splitlines()[-1].partition(";")[0]) == (1, "The entries are in excuses.json")


def test_the_entries_are_lowered_on_demand(gate):
    code, _, left = gate({PURE: {"missing": 7, "reason": "seen in namespaces only"}}, "--lower")
    assert (code, left) == (0, {PURE: {"missing": 2, "reason": "seen in namespaces only"}})


def test_every_excuse_has_a_reason():
    excuses = coverage_gate.read_excuses(coverage_gate.EXCUSES.read_text())
    assert [path for path, excuse in excuses.items() if not excuse.reason.strip()] == []
