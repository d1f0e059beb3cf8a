"""The rule language against what iptables 1.8.9 printed: recorded tables, and dumps of real programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.operands import AddressMask, Condition
from netplan.netfilter.iptables.rule import Rule, parse_rule_line
from tests.netfilter.iptables.every_kind import is_several

DATA = Path(__file__).parents[2] / "data"
KERNEL_KNOWS = ("-A NOSUCHCHAIN -j ACCEPT",)


def rows(refused):
    for name, version in (("rule_normalisation.tsv", 4), ("rule_normalisation6.tsv", 6)):
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                written, table, saved, *_ = line.split("\t")
                if saved.startswith("ERROR") == refused and written not in KERNEL_KNOWS and not is_several(saved):
                    yield pytest.param(written, table, saved, version, id=f"{version}:{written[:70]}")


def dumped_rules():
    for path in sorted(DATA.glob("captures/*.rules")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            if line.startswith("-A ") and path.name != "iptables-version-matrix-input.rules":
                yield pytest.param(line, id=f"{path.stem}:{number}")


@pytest.mark.parametrize(("written", "table", "saved", "version"), [*rows(refused=False)])
def test_a_written_rule_is_printed_as_iptables_save_prints_it(written, table, saved, version):
    chain, rule = parse_rule_line(written, version=version, table=table)
    assert f"-A {chain} {rule}" == saved


@pytest.mark.parametrize(("written", "table", "saved", "version"), [*rows(refused=False)])
def test_a_saved_rule_is_equal_to_the_written_one(written, table, saved, version):
    assert parse_rule_line(saved, version=version) == parse_rule_line(written, version=version)


@pytest.mark.parametrize(("written", "table", "saved", "version"), [*rows(refused=True)])
def test_what_iptables_refuses_is_refused(written, table, saved, version):
    with pytest.raises(ValueError, match=r"."):
        parse_rule_line(written, version=version, table=table)


@pytest.mark.parametrize("line", [*dumped_rules()])
def test_a_dumped_rule_is_printed_byte_for_byte(line):
    chain, rule = parse_rule_line(line)
    assert f"-A {chain} {rule}" == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-s 10.0.0.1,10.0.0.2 -j ACCEPT", "-s: .* write one rule for each"),
        ("-s ! 10.0.0.1 -j ACCEPT", "write ! before -s"),
        ("-s10.0.0.1", "write a space after -s"),
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
        ("-m multiport --dports 80", "-m multiport: needs -p tcp or -p udp"),
        ("-p tcp -m multiport --dports " + ",".join(map(str, range(1, 17))), "more than 15"),
        ("-p tcp -m multiport --dports 1 --sports 2", "needs one of --sports or --dports or --ports"),
        ("-m conntrack", "-m conntrack: needs --ctstate or"),
        ("-m conntrack --ctstate NEWISH", "'NEWISH' is not one of INVALID, NEW"),
        ("-m icmp6 --icmpv6-type 1", "-m icmp6 is for IPv6"),
        ("-m mark --mark 0x1ffffffff", "--mark: '0x1ffffffff' is not a whole number from 0 to 4294967295"),
        ("-m statistic --mode nth --every 3", "--every and --packet"),
        ("-m statistic --mode nth --every 3 --packet 3", "from 0 to 2"),
        ("-m statistic --mode random --probability 1.5", "from 0 to 1"),
        ("-m limit --limit 10001/second", "at most 10000/second"),
        ("-m limit --limit 5/fortnight", "not a rate"),
        ("-m recent --set --reap", "--reap needs --seconds"),
        ("-m string --algo bm --string ü", "--hex-string"),
        ("-j REJECT --reject-with tcp-reset", "tcp-reset needs -p tcp"),
        ("-j REJECT --reject-with icmp6-no-route", "not one of icmp-net-unreachable"),
        ("-j LOG --log-prefix " + "x" * 30, "longer than 29 bytes"),
        ("-j MARK --set-mark 1 --or-mark 2", "--or-mark: given twice"),
        ("-j CONNMARK --set-mark 1 --mask 2", "--set-xmark VALUE/MASK"),
        ("-j SNAT", "-j SNAT: needs --to-source"),
        ("-j SNAT --to-source 192.0.2.1:80", "ports need .*-p tcp"),
        ("-p tcp -j DNAT --to-destination 10.0.0.1:9-5", "starts after its end"),
        ("-p tcp -j DNAT --to-destination 10.0.0.1:80/5", "needs a range"),
        ("-m comment --comment " + "ü" * 200, "within a character"),
        ("-A INPUT -j ACCEPT", "leave out -A INPUT"),
        ("-p icmp -m icmp --icmp-type ping-pong", "not an ICMP type"),
        ("-m set --match-set pods src,up -j DROP", "not up to six of src and dst"),
        ("-m set --match-set pods-of-all-the-nodes-that-there-are src -j DROP", "longer than 31 bytes"),
        ("-m mac --mac-source 02:42:ac:11:00 -j DROP", "not an Ethernet address"),
        ("-j DSCP --set-dscp-class AF99", "not a class: BE, EF"),
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
    ("line", "table", "message"),
    [
        ("-A POSTROUTING -j DROP", "nat", "-j DROP is not possible in table nat"),
        ("-A INPUT -j MASQUERADE", "filter", "-j MASQUERADE is not possible in table filter: only in nat"),
        ("-A PREROUTING -j MASQUERADE", "nat", "-j MASQUERADE is not possible in PREROUTING: only in POSTROUTING"),
        ("-A PREROUTING -o eth0", "raw", "-o is not possible in PREROUTING"),
        ("-A POSTROUTING -i eth0", "nat", "-i is not possible in POSTROUTING"),
        ("-A A-CHAIN-NAME-OF-29-CHARACTERS- -j DROP", None, "1 to 28 bytes"),
        ("-A -j ACCEPT", None, "starts with '-'"),
        ("-N CHAIN", None, "starts with -A CHAIN"),
        ("", None, "starts with -A CHAIN"),
    ],
)
def test_a_rule_in_the_wrong_place_is_refused(line, table, message):
    with pytest.raises(ValueError, match=message):
        parse_rule_line(line, table=table)


def test_what_the_kernel_holds_is_read_wherever_it_stands():
    assert parse_rule_line("-A POSTROUTING -i eth0 -j DROP") == ("POSTROUTING", Rule.parse("-i eth0 -j DROP"))


def test_quotes_leave_no_trace_in_the_values():
    rule = Rule.parse('-i "eth0" -m comment --comment "x" -j "CHAIN"')
    assert rule.target is not None
    values = [rule.in_interface and rule.in_interface.value, rule.matches[0].options[0].text, rule.target.name]
    assert [type(value) for value in values] == [str, str, str]


def test_a_target_for_some_built_in_chains_may_stand_in_any_user_chain():
    assert parse_rule_line("-A MINE -j MASQUERADE", table="nat")[0] == "MINE"


@pytest.mark.parametrize("command", ["-A INPUT", "--append INPUT", "-I INPUT", "-I INPUT 3", "--insert INPUT 1"])
def test_append_and_insert_are_read_alike(command):
    assert parse_rule_line(f"{command} -s 10/8 -j ACCEPT") == ("INPUT", Rule.parse("-s 10.0.0.0/8 -j ACCEPT"))


def test_the_parts_of_a_rule_are_values():
    assert Rule.parse("! -s 10.0.0.0/8 -i veth+ -p 17 -m mark --mark 1 -j MASQUERADE --random") == Rule(
        source=Condition(AddressMask(4, 10 << 24, 0xFF000000), negated=True),
        in_interface=Condition("veth+"),
        protocol=Condition(17),
        matches=(Match("mark", (Option("mark", values=("0x1",)),)),),
        target=Target("MASQUERADE", (Option("random"),)),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-p 47 -j ACCEPT", "-p gre -j ACCEPT"),
        ("-p tcp --syn", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"),
        ("-m comment --comment 'two words'", '-m comment --comment "two words"'),
        ("-j MARK --or-mark 16384", "-j MARK --set-xmark 0x4000/0x4000"),
        ("-m conntrack -m limit --ctstate NEW", "-m conntrack --ctstate NEW -m limit --limit 3/hour"),
        ("-m foo --bar 'a b'", '-m foo --bar "a b"'),
    ],
)
def test_rules_that_iptables_save_prints_alike_are_equal_and_hash_alike(one, other):
    assert {Rule.parse(one)} == {Rule.parse(other)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-g CHAIN", "-j CHAIN"),
        ("-f", "! -f"),
        ("-m mark --mark 1", "-m mark ! --mark 1"),
        ("-m mark --mark 1", "-m connmark --mark 1"),
        ("-m comment --comment a -m mark --mark 1", "-m mark --mark 1 -m comment --comment a"),
        ("-m foo --bar 1", "-m foo --bar 01"),
    ],
)
def test_rules_that_iptables_save_prints_differently_are_not_equal(one, other):
    assert Rule.parse(one) != Rule.parse(other)


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


@pytest.mark.parametrize("text", ["-m foo", "-m foo --bar", "-p tcp -m tcp --dport 80 --not-yet-invented"])
def test_a_match_that_is_not_wholly_known_says_so(text):
    assert not Rule.parse(text).matches[0].known


@pytest.mark.parametrize(("text", "known"), [("-j ACCEPT", True), ("-j CHAIN", False), ("-j CT --zone 1", False)])
def test_a_target_says_whether_it_is_known(text, known):
    target = Rule.parse(text).target
    assert target is not None
    assert target.known is known


def test_an_unknown_match_takes_no_condition_of_the_rule():
    assert Rule.parse("-m foo --bar 1 -s 10.0.0.1 -j ACCEPT").source == Condition(AddressMask.parse("10.0.0.1", 4))
