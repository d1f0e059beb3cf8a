"""What ends a rule of nftables, as a target of iptables."""

from __future__ import annotations

import pytest

from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.nftables.terminal import chain_word
from tests.netfilter.nftables.instructions import L4PROTO, compare, data, decide, instruction, meta, words

TCP = [meta(L4PROTO), compare(b"\x06")]
ADDRESS = instruction("immediate", _1=1, _2=data(b"\x0a\0\0\1"))
PORT = instruction("immediate", _1=2, _2=data(b"\x1f\x90"))


@pytest.mark.parametrize(
    ("code", "chain", "said"),
    [
        (0, "", "-j DROP"),
        (1, "", "-j ACCEPT"),
        (-5, "", "-j RETURN"),
        (-3, "below", "-j below"),
        (-4, "below", "-g below"),
    ],
)
def test_a_verdict_is_a_target(code, chain, said):
    assert words(decide(code, chain)) == [said]


def test_a_verdict_that_goes_on_ends_the_rule_without_a_target():
    assert words(*TCP, decide(-1), decide(0)) == ["-p tcp"]


def test_a_verdict_that_iptables_does_not_have_may_do_anything():
    assert words(decide(-2)) == ["-j nft-unknown"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ([ADDRESS, instruction("nat", _1=0, _2=2, _3=1)], "-j SNAT --to-source 10.0.0.1"),
        (
            [*TCP, ADDRESS, PORT, instruction("nat", _1=1, _2=2, _3=1, _5=2)],
            "-p tcp -j DNAT --to-destination 10.0.0.1:8080",
        ),
        ([*TCP, PORT, instruction("nat", _1=1, _2=2, _5=2)], "-p tcp -j DNAT --to-destination :8080"),
        ([ADDRESS, PORT, instruction("nat", _1=1, _2=2, _3=1, _5=2)], "-j DNAT --to-nft"),
        ([*TCP, ADDRESS, PORT, instruction("nat", _1=1, _2=2, _3=1, _5=2, _7=0x20)], "-p tcp -j DNAT --to-nft"),
        ([instruction("nat", _1=1, _2=2)], "-j DNAT --to-nft"),
        ([*TCP, PORT, instruction("redir", _1=2)], "-p tcp -j REDIRECT --to-ports 8080"),
        ([PORT, instruction("redir", _1=2)], "-j REDIRECT --to-nft"),
        ([instruction("redir")], "-j REDIRECT"),
    ],
)
def test_addresses_are_translated_to_what_is_known_or_to_anything(rule, said):
    assert words(*rule) == [said]


@pytest.mark.parametrize(
    ("rule", "version", "said"),
    [
        ([instruction("reject", _1=0, _2=10)], 4, "-j REJECT --reject-with icmp-host-prohibited"),
        ([instruction("reject", _1=2, _2=3)], 6, "-j REJECT --reject-with icmp6-adm-prohibited"),
        ([*TCP, instruction("reject", _1=1)], 4, "-p tcp -j REJECT --reject-with tcp-reset"),
        ([instruction("reject", _1=0, _2=99)], 4, "-j REJECT --reject-with icmp-port-unreachable"),
    ],
)
def test_a_rejection_is_said_with_its_answer(rule, version, said):
    assert words(*rule, version=version) == [said]


@pytest.mark.parametrize("name", ["nat_POST_public", "services", "KUBE-SVC-1"])
def test_plain_name_of_a_chain_stays(name):
    assert chain_word(name) == name


@pytest.mark.parametrize("name", ["a" * 29, "ACCEPT", "MASQUERADE", "-x", "a b", "a\x1b[31mb", "policy_allow-é"])
def test_other_name_of_a_chain_becomes_a_plain_word(name):
    assert str(Rule.parse(f"-j {chain_word(name)}").target) == chain_word(name)


def test_names_that_begin_alike_stay_apart():
    assert chain_word("a" * 40 + "1") != chain_word("a" * 40 + "2")
