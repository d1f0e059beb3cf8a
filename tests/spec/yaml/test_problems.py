"""Problems as text."""

from __future__ import annotations

from netplan.errors import Location, Problem
from netplan.spec.yaml.problems import render, spec_error


def problem(line=1, column=1, message="wrong", **more):
    return Problem(Location("s.yaml", line, column), message, **more)


def shown(text, *problems):
    return render(problems, "s.yaml", text).split("\n")


def test_a_problem_shows_its_place_its_line_and_a_caret_below_the_column():
    assert shown("a: 1\nb: 2", problem(2, 4)) == [
        "s.yaml:2:4: error: wrong",
        "    2 | b: 2",
        "      |    ^",
        "1 error in s.yaml",
    ]


def test_a_hint_follows_the_caret():
    assert "  help: do it right" in shown("a: 1", problem(hint="do it right"))


def test_each_related_place_is_a_note_with_its_own_line():
    related = ((Location("s.yaml", 1, 1), "the first one"),)
    assert shown("a: 1\na: 2", problem(2, related=related))[3:6] == [
        "s.yaml:1:1: note: the first one",
        "    1 | a: 1",
        "      | ^",
    ]


def test_the_last_line_counts_the_errors():
    assert shown("a: 1", problem(), problem())[-1] == "2 errors in s.yaml"


def test_a_place_in_another_file_is_shown_with_the_line_of_that_file():
    related = ((Location("l.yaml", 2, 1), "the lease"),)
    text = render([problem(related=related)], "s.yaml", "a: 1", {"l.yaml": "# x\nb: 2"})
    assert text.split("\n")[3:] == ["l.yaml:2:1: note: the lease", "    2 | b: 2", "      | ^", "1 error in s.yaml"]


def test_the_last_line_names_every_file_with_an_error():
    wrong = [Problem(Location("l.yaml", 1, 1), "wrong"), problem()]
    assert render(wrong, "s.yaml", "", {"l.yaml": ""}).endswith("2 errors in l.yaml and s.yaml")


def test_what_is_wrong_in_another_file_comes_after_the_spec():
    elsewhere = Problem(Location("a.csv", 1, 1), "wrong")
    assert [problem.at.path for problem in spec_error([elsewhere, problem()], "s.yaml", "a").problems] == [
        "s.yaml",
        "a.csv",
    ]


def test_problems_come_in_the_order_of_their_places():
    error = spec_error([problem(3), problem(1, 5), problem(1, 2)], "s.yaml", "a\nb\nc")
    assert [(problem.at.line, problem.at.column) for problem in error.problems] == [(1, 2), (1, 5), (3, 1)]


def test_a_problem_that_is_found_twice_is_reported_once():
    assert len(spec_error([problem(), problem()], "s.yaml", "a").problems) == 1


def test_a_tab_takes_one_column_like_the_caret_below_it():
    assert shown("a:\tb", problem(column=4))[1:3] == ["    1 | a: b", "      |    ^"]


def test_the_caret_stands_below_the_column_also_after_wide_characters():
    assert shown("名: x", problem(column=4))[2] == "      |     ^"


def test_escaped_characters_move_the_caret():
    assert shown("a\u202eb: x", problem(column=3))[1:3] == [r"    1 | a\x202eb: x", "      |        ^"]


def test_no_control_character_of_the_file_is_shown():
    wrong = Problem(Location("\x1b", 1, 1), "\x1b[31m", "\x1b")
    assert render([wrong], "\x1b", "a: \x1b[31m").splitlines() == [
        r"\x1b:1:1: error: \x1b[31m",
        r"    1 | a: \x1b[31m",
        "      | ^",
        r"  help: \x1b",
        r"1 error in \x1b",
    ]


def test_a_wide_line_is_cut_on_both_sides_of_the_caret():
    line, caret = shown("x" * 200 + "HERE" + "y" * 200, problem(column=201))[1:3]
    assert (line[caret.index("^") :][:4], line[8], line[-1], len(line) < 120) == ("HERE", "…", "…", True)


def test_a_message_of_any_length_stays_readable():
    assert len(shown("a", problem(message="m" * 10_000))[0]) < 600


def test_a_place_after_the_last_line_shows_no_line():
    assert shown("a: 1", problem(5)) == ["s.yaml:5:1: error: wrong", "1 error in s.yaml"]


def test_lines_are_counted_as_yaml_counts_them():
    assert shown("a: 1\r\nb: 2\rc: 3", problem(3))[1] == "    3 | c: 3"
