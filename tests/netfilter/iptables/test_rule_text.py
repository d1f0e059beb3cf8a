"""Words and quotes, as iptables-restore reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.quoting import always_quote, logical_lines, quote, split
from netplan.netfilter.iptables.rule import Rule, kernel_rule

PIECES = (
    *("!", "-f", "-s 10/8", "-d 10.0.0.1", "-i eth0", "-o 'a'", "-p tcp", "-p udp", "-m tcp", "--dport 80", "--syn"),
    *("-m mark", "--mark 1", "-m connmark", "-m comment", "--comment", "-m limit", "-m foo", "--bar", "-j CHAIN"),
    *("-j MARK", "--set-mark 1", "-j ACCEPT", "-g CHAIN", "1", "-1", "--", "'", "''", "'a", "b'", "'a b'", "it's"),
    *('"', '""', '"a', 'b"', r'"a\"b"', r'"\\"', "\\", "\u00a0"),
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


@given(printable.filter(lambda text: len(text.encode()) <= 255))
def test_no_comment_can_end_its_rule(text):
    rule = Rule.parse(f"-m comment --comment {quote(text)} -j DROP")
    assert rule == Rule(matches=(Match("comment", (Option("comment", values=(text,)),)),), target=Target("DROP"))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text())
def test_any_text_is_a_rule_that_is_read_back_or_a_value_error(text):
    try:
        rule = Rule.parse(text)
    except ValueError:
        return
    assert Rule.parse(str(rule)) == rule


ANY_TEXT = st.text(st.sampled_from("ab\"'\\ \t\n-:*#\x00\x1b\x85\u2028\udcff")) | st.sampled_from(
    ["\n-A FORWARD -j DROP\n", "\nCOMMIT\n*nat\n:INPUT DROP", '\n" -j DROP\n-A FORWARD -m comment --comment "']
)


@given(st.lists(ANY_TEXT, max_size=4), st.sampled_from(["eth0", 'a"b', "a'b", "a\\b"]))
def test_whatever_stands_in_comments_every_rule_is_in_one_line(texts, device):
    rules = [f"-A FORWARD -i {device} -m comment --comment {always_quote(text)} -j ACCEPT" for text in texts]
    lines = logical_lines("\n".join([*rules, "-A FORWARD -j REJECT"])).split("\n")
    assert ([line.replace("\u240a", "\n") for line in lines[:-1]], lines[-1]) == (rules, "-A FORWARD -j REJECT")


@given(ANY_TEXT)
def test_whatever_the_kernel_holds_is_a_rule_that_can_be_written_down(text):
    rule = kernel_rule(f"-A FORWARD -s 192.0.2.1/32 -m comment --comment {always_quote(text)} -j {text}")
    assert (Rule.parse(str(rule)), "\n" in str(rule)) == (rule, False)
