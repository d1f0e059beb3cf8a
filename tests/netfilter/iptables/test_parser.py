"""The words of a rule: each option goes to the extension that has it, and mistakes are named."""

from __future__ import annotations

import pytest

from netplan.netfilter.iptables.operands import AddressMask, Condition
from netplan.netfilter.iptables.rule import Rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-s 10.0.0.1,10.0.0.2 -j ACCEPT", "-s: .* write one rule for each"),
        ("-s ! 10.0.0.1 -j ACCEPT", "write ! before -s"),
        ("-s10.0.0.1", "write a space after -s"),
        ("-m foo -s10.0.0.1", "write a space after -s"),
        ("-s 010.0.0.1", "octal"),
        ("-s example.org", "not an IPv4 address"),
        ("-s 10.0.0.0/33", "-s: '33' is not a mask: a whole number from 0 to 32"),
        ("-s fd00::1", "not an IPv4 address"),
        ("-s 10.0.0.1 -s 10.0.0.2", "source is given twice"),
        ("-i eth0 -i eth1", "in_interface is given twice"),
        ("-i a/b", "not an interface name"),
        ("-i ''", "not an interface name"),
        ("-i sixteen-letters-", "not an interface name"),
        ("! -p all -j DROP", "never match"),
        ("-p nonsense", "-p: 'nonsense' is not a protocol"),
        ("-p 262", "not a protocol"),
        ("! ! -s 10.0.0.1", "unknown option !|follows no option"),
        ("! -j ACCEPT", "-j can't be negated"),
        ("-m comment ! --comment x", "--comment: can't be negated"),
        ("-j ACCEPT !", "nothing follows !"),
        ("-j", "nothing follows -j"),
        ("-j ACCEPT -j DROP", "given twice"),
        ("-j ACCEPT extra", "'extra' follows no option"),
        ("-j ACCEPT --to-ports 5", "unknown option --to-ports"),
        ("-j A-CHAIN-NAME-OF-29-CHARACTERS-", "1 to 28 bytes"),
        ("-g ACCEPT", "ACCEPT is not a chain"),
        ("-g CHAIN --option", "unknown option --option"),
        ("--dport 80 -p tcp", "unknown option --dport"),
        ("-p tcp --dprot 80", "did you mean --dport"),
        ("-p tcp -m tcp --dpor 80", "did you mean --dport"),
        ("-p tcp -j CHAIN --dport 80", "write --dport before CHAIN"),
        ("-m foo --dport 80 -p tcp", "write --dport before foo"),
        ("-m conntrack --ctstate NEW -m foo --ctdir REPLY", "write --ctdir before foo"),
        ("-p tcp --dport 80 --dport 81", "--dport: given twice"),
        ("-p tcp --dport 80:70", "starts after its end"),
        ("-p tcp --dport 70000", "--dport: '70000' is not a port"),
        ("-p tcp ! --dport 0:65535", "never match"),
        ("-p udp -m tcp --dport 80", "-m tcp: needs -p tcp"),
        ("! -p tcp -m tcp --dport 80", "-m tcp: needs -p tcp"),
        ("-m string --algo bm --string ü", "--hex-string"),
        ("-m comment --comment " + "ü" * 200, "within a character"),
        ("-A INPUT -j ACCEPT", "leave out -A INPUT"),
    ],
)
def test_an_error_names_the_option_and_what_would_be_right(text, message):
    with pytest.raises(ValueError, match=message):
        Rule.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-f -j DROP", "-f is for IPv4: use -m frag"),
        ("-s 10.0.0.1 -j DROP", "IPv4 address in an IPv6 rule"),
        ("-p tcp -j DNAT --to-destination [fd00::5:80", "not an address in brackets with a port"),
    ],
)
def test_an_error_in_a_rule_of_ipv6_names_what_would_be_right(text, message):
    with pytest.raises(ValueError, match=message):
        Rule.parse(text, version=6)


@pytest.mark.parametrize("char", ["\n", "\0", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_control_character_is_refused_everywhere(char):
    with pytest.raises(ValueError, match=r"U\+00|U\+20"):
        Rule.parse(f'-m comment --comment "a{char}-A INPUT -j ACCEPT"')


@pytest.mark.parametrize(
    "text",
    [
        "-m foo",
        '-m foo --bar "a \\"b\\" \'c\'" ! --baz -5 -m comment --comment x -j FOO --opt 1',
        "-m policy --dir in --pol ipsec --proto esp --mode tunnel -j ACCEPT",
        "-p tcp -m tcp --dport 80 --not-yet-invented 5 --sport 6 -j ACCEPT",
        "-p tcp -m tcp --dport 80 -m tcpmss --mss 5 -j SYNPROXY --sack-perm --mss 1460",
        "-m set --match-set pods src,dst ! --return-nomatch -j CT --zone 5",
        '-m string --hex-string "|0a78|" --algo bm -j ACCEPT',
        "-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-name x",
    ],
)
def test_what_is_not_known_is_carried_exactly(text):
    assert str(Rule.parse(text)) == text


def test_an_unknown_match_takes_no_condition_of_the_rule():
    assert Rule.parse("-m foo --bar 1 -s 10.0.0.1 -j ACCEPT").source == Condition(AddressMask.parse("10.0.0.1", 4))
