"""Rules of nft in iptables' words: what these can say they say, and the rest is said to be more than that."""

from __future__ import annotations

import json
import sys

import pytest

from netplan.kinds.chain.rule import Rule
from netplan.kinds.native.translate import chain_word
from tests.kinds.chain.scratch import run

PROBE = """
import json, socket, subprocess, sys
from netplan.kinds.native.elements import Sets
from netplan.kinds.native.expression import rules
from netplan.kinds.native.translate import translated
done = subprocess.run(["nft", "-f", "-"], input=sys.stdin.read(), text=True, capture_output=True)
assert done.returncode == 0, done.stderr
found = [translated(rule, Sets("inet", "t"), dict(socket.if_nameindex())) for rule in rules("inet", "t", "c")]
print(json.dumps([[str(each) for each in rule.rules] for rule in found]))
"""
TABLE = """
table inet t {
    set pods { type ipv4_addr; }
    map verdicts { type ipv4_addr : verdict; }
    chain below { }
    chain a_chain_whose_name_is_longer_than_those_of_iptables { }
    chain c {
        type nat hook postrouting priority 100
        RULE
    }
}
"""
ROWS = {
    "ip saddr 172.7.21.0/24 masquerade": "-s 172.7.21.0/24 -j MASQUERADE",
    "ip saddr 10.0.0.0/8 ip daddr != 10.1.2.3 accept": "-s 10.0.0.0/8 ! -d 10.1.2.3/32 -j ACCEPT",
    "ip saddr 10.0.0.0/12 accept": "-s 10.0.0.0/12 -j ACCEPT",
    "ip saddr and 255.0.255.0 == 10.0.3.0 drop": "-s 10.0.3.0/255.0.255.0 -j DROP",
    'iifname "ve*" oifname != "eth0" counter return': "-i ve+ ! -o eth0 -j RETURN",
    "ip protocol tcp accept": "-p tcp -j ACCEPT",
    "meta l4proto != udp accept": "! -p udp -j ACCEPT",
    "tcp dport 80 accept": "-p tcp -m nft -j ACCEPT",
    "mark and 0x4000 == 0 return": "-m mark ! --mark 0x4000/0x4000 -j RETURN",
    "mark and 0x4000 != 0 return": "-m mark --mark 0x4000/0x4000 -j RETURN",
    "mark and 0x4000 == 0x4000 return": "-m mark --mark 0x4000/0x4000 -j RETURN",
    "mark and 0xff != 0x5 return": "-m mark ! --mark 0x5/0xff -j RETURN",
    "mark 5 return": "-m mark --mark 0x5 -j RETURN",
    "mark set mark xor 0x4000": "-j MARK --set-xmark 0x0/0x0",
    "mark set 5 return": "-j nft-unknown",
    "mark set 5 accept": "-j ACCEPT",
    "ct state established accept": "-m nft -j ACCEPT",
    "ip saddr @pods masquerade": "-m nft -j MASQUERADE",
    "ip saddr { 1.1.1.1, 1.1.1.2 } masquerade": "-m nft -j MASQUERADE",
    "ip saddr 1.1.1.1-1.1.1.9 masquerade": "-m nft -j MASQUERADE",
    "ip saddr 1.1.1.1 ip saddr 1.1.1.2 accept": "-s 1.1.1.1/32 -m nft -j ACCEPT",
    "ip saddr vmap @verdicts": "-m nft -j nft-unknown",
    "snat ip to 10.4.7.21": "-j SNAT --to-nft",
    "meta nfproto ipv4 oifname eth0 masquerade": "-o eth0 -j MASQUERADE",
    "meta nfproto ipv6 oifname eth0 masquerade": "-m nft --for ipv6",
    "ip6 saddr fd00::/8 masquerade": "-m nft --for ipv6",
    "jump below": "-j below",
    "goto below": "-g below",
    "jump a_chain_whose_name_is_longer_than_those_of_iptables": "-j "
    + chain_word("a_chain_whose_name_is_longer_than_those_of_iptables"),
    'counter log prefix "x"': "",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each rule is in iptables' words."""
    table = TABLE.replace("RULE", "\n".join(ROWS))
    done = run([sys.executable, "-c", PROBE], tmp_path_factory.mktemp("lock") / "lock", table)
    assert done.returncode == 0, done.stderr
    return dict(zip(ROWS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("rule", ROWS)
def test_rule_of_nft_is_said_in_iptables_words(said, rule):
    assert said[rule] == ROWS[rule]


@pytest.mark.parametrize("text", ROWS.values())
def test_what_is_said_is_read_back_as_it_was(text):
    assert str(Rule.parse(text)) == text


@pytest.mark.parametrize("name", ["nat_POST_public", "services", "KUBE-SVC-1"])
def test_plain_name_of_a_chain_stays(name):
    assert chain_word(name) == name


@pytest.mark.parametrize("name", ["a" * 29, "ACCEPT", "MASQUERADE", "-x", "a b", "a\x1b[31mb", "policy_allow-é"])
def test_other_name_of_a_chain_becomes_a_plain_word(name):
    assert str(Rule.parse(f"-j {chain_word(name)}").target) == chain_word(name)


def test_names_that_begin_alike_stay_apart():
    assert chain_word("a" * 40 + "1") != chain_word("a" * 40 + "2")
