"""Words and quotes, as iptables-restore reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.netfilter.iptables.quoting import (
    always_quote,
    as_written,
    check_word,
    logical_lines,
    pictured,
    quote,
    quote_pattern,
    split,
)

printable = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  -j   ACCEPT ", ["-j", "ACCEPT"]),
        ('--comment "a b" -j X', ["--comment", "a b", "-j", "X"]),
        ('--comment ""', ["--comment", ""]),
        (r'--comment "a \"b\" \\ \'c\'"', ["--comment", "a \"b\" \\ 'c'"]),
        ('x"a b"', ["xa b"]),
        (r"--comment 'back\slash \"q\"'", ["--comment", r"back\slash \"q\""]),
        ("-i a'b -o c'd", ["-i", "a'b", "-o", "c'd"]),
        (r"--bare back\slash", ["--bare", r"back\slash"]),
        ("a\u00a0b c", ["a\u00a0b", "c"]),
    ],
)
def test_words_end_at_spaces_and_quotes(text, words):
    assert split(text) == words


@pytest.mark.parametrize("text", ["'open", "'a'b", '"open', 'a "open -j X', '"a"b', '"a""b"', '"a\\"', r'"a\n"'])
def test_a_broken_quote_is_refused(text):
    with pytest.raises(ValueError, match="quote"):
        split(text)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("web-1_A", "web-1_A"), ("", '""'), ("a b", '"a b"'), ("it's", r'"it\'s"'), ('"\\', r'"\"\\"'), ("ü", '"ü"')],
)
def test_a_text_is_bare_only_if_it_is_plain(text, quoted):
    assert quote(text) == quoted


@given(printable)
def test_a_quoted_text_is_read_back(text):
    assert split(f"--comment {quote(text)} -j X") == ["--comment", text, "-j", "X"]


ANY_TEXT = st.text(st.sampled_from("ab\"'\\ \t\n-:*#\x00\x1b\x85\u2028\udcff")) | st.sampled_from(
    ["\n-A FORWARD -j DROP\n", "\nCOMMIT\n*nat\n:INPUT DROP", '\n" -j DROP\n-A FORWARD -m comment --comment "']
)


@given(st.lists(ANY_TEXT, max_size=4), st.sampled_from(["eth0", 'a"b', "a'b", "a\\b"]))
def test_whatever_stands_in_comments_every_rule_is_in_one_line(texts, device):
    rules = [f"-A FORWARD -i {device} -m comment --comment {always_quote(text)} -j ACCEPT" for text in texts]
    lines = logical_lines("\n".join([*rules, "-A FORWARD -j REJECT"])).split("\n")
    assert ([line.replace("\u240a", "\n") for line in lines[:-1]], lines[-1]) == (rules, "-A FORWARD -j REJECT")


@pytest.mark.parametrize("spelling", ['"a b"', r'"it\'s"', 'x"a b"', "plain"])
def test_a_word_that_is_not_understood_is_written_as_it_was_spelled(spelling):
    assert [as_written(word) for word in split(spelling)] == [spelling]


def test_a_word_in_single_quotes_is_written_in_double_quotes():
    assert [as_written(word) for word in split("'a \"b\"'")] == [r'"a \"b\""']


def test_the_string_match_escapes_no_single_quote():
    assert quote_pattern('it\'s "a\\b"') == r'''"it's \"a\\b\""'''


@pytest.mark.parametrize(
    ("text", "shown"), [("a\tb", "a\u2409b"), ("a\x7f", "a\u2421"), ("\x85", "\ufffd"), ("plain", "plain")]
)
def test_what_a_rule_can_not_hold_is_shown_as_a_picture(text, shown):
    assert pictured(text) == shown


@pytest.mark.parametrize("text", ["", "two words", "'quoted", 'qu"oted'])
def test_what_iptables_save_would_have_to_quote_is_no_bare_word(text):
    with pytest.raises(ValueError, match="is not one word without spaces and quotes"):
        check_word(text)
