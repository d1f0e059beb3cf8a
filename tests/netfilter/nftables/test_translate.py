"""Rules of nft in iptables' words: what these can say they say, and the rest is said to be more than that."""

from __future__ import annotations

import socket
import subprocess

import pytest

from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.nftables.elements import Sets
from netplan.netfilter.nftables.expression import rules
from netplan.netfilter.nftables.terminal import chain_word
from netplan.netfilter.nftables.translate import translated
from tests.kinds.chain.scratch import call, run
from tests.netfilter.nftables.instructions import ACCEPT, MARK, bitwise, compare, instruction, meta, words
from tests.netfilter.nftables.recording import replayed

NEVER = "-m nft --never"
TABLE = """
table inet t {
    set pods { type ipv4_addr; }
    set senders { type ipv4_addr; flags dynamic; }
    set seen { type ipv4_addr; flags dynamic, timeout; timeout 1h; elements = { 1.1.1.1 }; }
    map services {
        type ipv4_addr . inet_proto . inet_service : verdict
        elements = { 10.96.0.1 . tcp . 443 : goto below, 10.96.0.2 . udp . 53 : drop }
    }
    chain below { }
    chain a_chain_whose_name_is_longer_than_those_of_iptables { }
    chain c {
        RULE
    }
}
"""
ROWS = {
    "ip saddr 172.7.21.0/24 masquerade": ["-s 172.7.21.0/24 -j MASQUERADE"],
    "ip saddr 10.0.0.0/8 ip daddr != 10.1.2.3 accept": ["-s 10.0.0.0/8 ! -d 10.1.2.3/32 -j ACCEPT"],
    "ip saddr 10.0.0.0/12 accept": ["-s 10.0.0.0/12 -j ACCEPT"],
    "ip saddr and 255.0.255.0 == 10.0.3.0 drop": ["-s 10.0.3.0/255.0.255.0 -j DROP"],
    "ip saddr and 255.0.255.0 == 10.0.3.0 ip saddr 10.0.0.0/8 drop": [
        "-s 10.0.3.0/255.0.255.0 -m iprange --src-range 10.0.0.0-10.255.255.255 -j DROP"
    ],
    "ip saddr 0.0.0.0/0 accept": ["-j ACCEPT"],
    "ip saddr 1.1.1.1 ip daddr 2.2.2.2 tcp sport 1 tcp dport 2 accept": [
        "-s 1.1.1.1/32 -d 2.2.2.2/32 -p tcp -m tcp --sport 1 -m tcp --dport 2 -j ACCEPT"
    ],
    "ip saddr 1.1.1.1-1.1.1.9 masquerade": ["-m iprange --src-range 1.1.1.1-1.1.1.9 -j MASQUERADE"],
    "ip saddr != 1.1.1.1-1.1.1.9 accept": ["-m iprange ! --src-range 1.1.1.1-1.1.1.9 -j ACCEPT"],
    "ip saddr > 1.1.1.1 accept": ["-m iprange ! --src-range 0.0.0.0-1.1.1.1 -j ACCEPT"],
    "ip saddr < 1.1.1.1 accept": ["-m iprange ! --src-range 1.1.1.1-255.255.255.255 -j ACCEPT"],
    "ip saddr 1.1.1.1-1.1.1.9 ip saddr != 1.1.1.3 accept": [
        "-m iprange --src-range 1.1.1.1-1.1.1.9 -m iprange ! --src-range 1.1.1.3-1.1.1.3 -j ACCEPT"
    ],
    "ip saddr 1.1.1.1 ip saddr 1.1.1.2 accept": [NEVER],
    'iifname "ve*" oifname != "eth0" counter return': ["-i ve+ ! -o eth0 -j RETURN"],
    'iifname != "a" iifname != "b" accept': ["! -i a -m nft -j ACCEPT"],
    "iif lo accept": ["-i lo -j ACCEPT"],
    "ip protocol tcp accept": ["-p tcp -j ACCEPT"],
    "meta l4proto != udp accept": ["! -p udp -j ACCEPT"],
    "tcp dport 80 accept": ["-p tcp -m tcp --dport 80 -j ACCEPT"],
    "tcp dport 80-90 accept": ["-p tcp -m tcp --dport 80:90 -j ACCEPT"],
    "tcp dport != 80-90 accept": ["-p tcp -m tcp ! --dport 80:90 -j ACCEPT"],
    "th dport 53 accept": ["-m nft -j ACCEPT"],
    "icmp type echo-request accept": ["-p icmp -m icmp --icmp-type 8 -j ACCEPT"],
    "icmp type != echo-request accept": ["-p icmp -m icmp ! --icmp-type 8 -j ACCEPT"],
    "tcp flags & (fin|syn|rst|ack) == syn accept": ["-p tcp -m nft -j ACCEPT"],
    "mark and 0x4000 == 0 return": ["-m mark ! --mark 0x4000/0x4000 -j RETURN"],
    "mark and 0x4000 != 0 return": ["-m mark --mark 0x4000/0x4000 -j RETURN"],
    "mark and 0x4000 == 0x4000 return": ["-m mark --mark 0x4000/0x4000 -j RETURN"],
    "mark and 0xff != 0x5 return": ["-m mark ! --mark 0x5/0xff -j RETURN"],
    "mark 5 return": ["-m mark --mark 0x5 -j RETURN"],
    "mark 5-9 return": ["-m nft -j RETURN"],
    "ct mark and 5 == 5 accept": ["-m connmark --mark 0x5/0x5 -j ACCEPT"],
    "mark set mark xor 0x4000": ["-j MARK --set-xmark 0x4000/0x0"],
    "mark set mark or 0x4000": ["-j MARK --set-xmark 0x4000/0x4000"],
    "mark set mark and 0xff": ["-j MARK --set-xmark 0x0/0xffffff00"],
    "mark set 5 return": ["-j MARK --set-xmark 0x5/0xffffffff", "-j RETURN"],
    "mark 5 mark set 6": ["-m mark --mark 0x5 -j MARK --set-xmark 0x6/0xffffffff"],
    "mark 5 mark set 6 return": ["-m mark --mark 0x5 -m MARK --set-xmark 0x6/0xffffffff -j RETURN"],
    "mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random": [
        "-m mark --mark 0x4000/0x4000 -m MARK --set-xmark 0x4000/0x0 -j MASQUERADE"
    ],
    "mark 5 mark set 6 ct mark set mark accept": [
        (
            "-m mark --mark 0x5 -m MARK --set-xmark 0x6/0xffffffff "
            "-m CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff -j ACCEPT"
        )
    ],
    "mark 5 mark set 6 ip daddr 1.1.1.1 accept": [
        "-m mark --mark 0x5 -j MARK --set-xmark 0x6/0xffffffff",
        "-d 1.1.1.1/32 -m nft -j ACCEPT",
    ],
    "mark 5 mark set 6 limit rate 1/second accept": [
        "-m mark --mark 0x5 -j MARK --set-xmark 0x6/0xffffffff",
        "-m hashlimit --hashlimit-upto 1/sec -m nft -j ACCEPT",
    ],
    "mark 5 mark set 6 notrack accept": [
        "-m mark --mark 0x5 -m MARK --set-xmark 0x6/0xffffffff -j NOTRACK",
        "-m nft -j ACCEPT",
    ],
    "mark set ct mark": ["-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff"],
    "ct mark set mark and 0xff": ["-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff"],
    "ct mark set mark or 0x1000": [
        "-j CONNMARK --save-mark --nfmask 0xffffefff --ctmask 0xffffffff",
        "-j CONNMARK --set-xmark 0x1000/0x0",
    ],
    "mark set numgen random mod 2": ["-j MARK --set-nft"],
    "ct state new accept": ["-m conntrack --ctstate NEW -j ACCEPT"],
    "ct state established,related accept": ["-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"],
    "ct state != new drop": ["-m conntrack ! --ctstate NEW -j DROP"],
    "ct status dnat accept": ["-m conntrack --ctstate DNAT -j ACCEPT"],
    "ct status assured accept": ["-m nft -j ACCEPT"],
    "ct direction reply accept": ["-m conntrack --ctdir REPLY -j ACCEPT"],
    "ct original ip daddr 1.1.1.1 accept": ["-m nft -j ACCEPT"],
    "fib daddr type local accept": ["-m addrtype --dst-type LOCAL -j ACCEPT"],
    "fib daddr type != local accept": ["-m addrtype ! --dst-type LOCAL -j ACCEPT"],
    "fib saddr . iif type local accept": ["-m addrtype --src-type LOCAL --limit-iface-in -j ACCEPT"],
    "fib saddr . iif oif missing drop": ["-m rpfilter --invert -j DROP"],
    "fib saddr . mark . iif oif exists accept": ["-m rpfilter --validmark -j ACCEPT"],
    "fib saddr oif missing drop": ["-m rpfilter --loose --invert -j DROP"],
    "fib saddr . iif oif != 0 accept": ["-m rpfilter -j ACCEPT"],
    "fib saddr . iif oif lo accept": ["-m nft -j ACCEPT"],
    "fib saddr . iif oifname lo accept": ["-m nft -j ACCEPT"],
    "fib daddr . iif oif missing drop": ["-m nft -j DROP"],
    "ip saddr @pods masquerade": [NEVER],
    "ip saddr { 1.1.1.1, 1.1.1.2 } masquerade": ["-s 1.1.1.1/32 -j MASQUERADE", "-s 1.1.1.2/32 -j MASQUERADE"],
    "ip saddr != { 1.1.1.1, 1.1.1.2 } drop": [
        "! -s 1.1.1.1/32 -m iprange ! --src-range 1.1.1.2-1.1.1.2 -j DROP",
    ],
    "ip saddr != { 10.0.0.0/8 } drop": ["! -s 10.0.0.0/8 -j DROP"],
    "ip saddr { 10.0.0.0/9, 10.128.0.0/9, 1.1.1.3-1.1.1.5, 224.0.0.0/3 } drop": [
        "-m iprange --src-range 1.1.1.3-1.1.1.5 -j DROP",
        "-s 10.0.0.0/8 -j DROP",
        "-s 224.0.0.0/3 -j DROP",
    ],
    "ip saddr @seen drop": ["-s 1.1.1.1/32 -j DROP"],
    "add @seen { ip saddr } accept": ["-j ACCEPT"],
    "update @senders { ip saddr limit rate over 10/minute } drop": ["-m hashlimit --hashlimit-above 10/min -j DROP"],
    "update @senders { ip saddr counter ct count 5 } accept": ["-m connlimit --connlimit-upto 5 -j ACCEPT"],
    'iifname { "eth0", "docker*" } drop': ["-i docker+ -j DROP", "-i eth0 -j DROP"],
    "meta l4proto { tcp, udp } th dport 53 drop": [
        "-p tcp -m tcp --dport 53 -j DROP",
        "-p udp -m udp --dport 53 -j DROP",
    ],
    "ct state vmap { established : accept, invalid : drop }": [
        "-m conntrack --ctstate INVALID -j DROP",
        "-m conntrack --ctstate ESTABLISHED -j ACCEPT",
    ],
    "fib daddr type { local, broadcast } drop": [
        "-m addrtype --dst-type LOCAL -j DROP",
        "-m addrtype --dst-type BROADCAST -j DROP",
    ],
    "ip saddr . ip daddr { 1.1.1.1 . 2.2.2.2 } drop": ["-s 1.1.1.1/32 -d 2.2.2.2/32 -j DROP"],
    "ip daddr . th dport { 10.0.0.0/8 . 80-90 } drop": ["-d 10.0.0.0/8 -m nft -j DROP"],
    "ip daddr . tcp dport { 10.0.0.0/8 . 80-90 } drop": ["-d 10.0.0.0/8 -p tcp -m tcp --dport 80:90 -j DROP"],
    "ip daddr . meta l4proto . th dport vmap @services": [
        "-d 10.96.0.1/32 -p tcp -m tcp --dport 443 -g below",
        "-d 10.96.0.2/32 -p udp -m udp --dport 53 -j DROP",
    ],
    "mark vmap { 1 : drop, 2 : accept }": ["-m nft -j DROP", "-m nft -j ACCEPT"],
    "ip daddr vmap { 1.1.1.1 : accept, * : drop }": ["-d 1.1.1.1/32 -j ACCEPT", "-m nft -j DROP"],
    "numgen random mod 2 vmap { 0 : goto below, 1 : drop }": ["-m nft -g below", "-m nft -j DROP"],
    "snat ip to 10.4.7.21": ["-j SNAT --to-source 10.4.7.21"],
    "snat ip to ip saddr": ["-j NETMAP --to 0.0.0.0/0"],
    "snat ip to ip daddr": ["-j SNAT --to-nft"],
    "snat ip to 10.4.7.21-10.4.7.23": ["-j SNAT --to-source 10.4.7.21-10.4.7.23"],
    "tcp dport 80 dnat ip to 10.0.0.1:8080": ["-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080"],
    "meta l4proto { tcp, udp } dnat ip to 10.0.0.1:53": [
        "-p tcp -j DNAT --to-destination 10.0.0.1:53",
        "-p udp -j DNAT --to-destination 10.0.0.1:53",
    ],
    "dnat ip to ip daddr map { 1.1.1.1 : 2.2.2.2, 1.1.1.2 : 2.2.2.3 }": [
        "-d 1.1.1.1/32 -j DNAT --to-destination 2.2.2.2",
        "-d 1.1.1.2/32 -j DNAT --to-destination 2.2.2.3",
    ],
    "meta nfproto ipv4 dnat ip to tcp dport map { 80 : 2.2.2.2 . 8080 }": [
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination 2.2.2.2:8080"
    ],
    "dnat ip to numgen random mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }": [
        "-m nft -j DNAT --to-destination 10.0.0.1",
        "-m nft -j DNAT --to-destination 10.0.0.2",
    ],
    "tcp dport 80 redirect to :8080": ["-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080"],
    "meta l4proto icmp reject with icmpx admin-prohibited": ["-p icmp -j REJECT --reject-with icmp-admin-prohibited"],
    "tcp dport 80 reject with tcp reset": ["-p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset"],
    "tcp dport 80 tproxy to :8080": ["-p tcp -m tcp --dport 80 -j nft-unknown"],
    "notrack": ["-j NOTRACK"],
    "limit rate 5/second accept": ["-m hashlimit --hashlimit-upto 5/sec -j ACCEPT"],
    "limit rate over 3/week drop": ["-m hashlimit --hashlimit-above 3/604800s -j DROP"],
    "limit rate over 1024 bytes/hour drop": ["-m hashlimit --hashlimit-above 1024b/hour -j DROP"],
    "ct count over 20 drop": ["-m connlimit --connlimit-above 20 -j DROP"],
    "quota over 5 bytes drop": ["-m quota ! --quota 5 -j DROP"],
    "quota 5 bytes accept": ["-m quota --quota 5 -j ACCEPT"],
    "ip ttl 1 drop": ["-m ttl --ttl-eq 1 -j DROP"],
    "ip ttl != 64 drop": ["-m ttl ! --ttl-eq 64 -j DROP"],
    "ip ttl < 5 drop": ["-m ttl --ttl-lt 5 -j DROP"],
    "ip ttl > 5 drop": ["-m ttl --ttl-gt 5 -j DROP"],
    "ip ttl 5-9 drop": ["-m ttl --ttl-gt 4 -m ttl --ttl-lt 10 -j DROP"],
    "ip ttl != 5-9 drop": ["-m nft -j DROP"],
    "ip length 0-1400 accept": ["-m length --length 0:1400 -j ACCEPT"],
    "ip length != 60 drop": ["-m length ! --length 60 -j DROP"],
    "meta pkttype broadcast drop": ["-m pkttype --pkt-type broadcast -j DROP"],
    "meta pkttype != unicast drop": ["-m pkttype ! --pkt-type unicast -j DROP"],
    "meta secpath exists accept": ["-m policy --dir in --pol ipsec -j ACCEPT"],
    "meta secpath missing accept": ["-m policy --dir in --pol none -j ACCEPT"],
    "meta secpath != 1 drop": ["-m nft -j DROP"],
    "socket transparent 1 accept": ["-m socket --transparent -j ACCEPT"],
    "socket transparent 0 accept": ["-m nft -j ACCEPT"],
    "socket wildcard 1 accept": ["-m nft -j ACCEPT"],
    "ip ttl set 5": [""],
    "ip daddr set 1.1.1.1": ["-j nft-unknown"],
    "meta nfproto ipv4 oifname eth0 masquerade": ["-o eth0 -j MASQUERADE"],
    "meta protocol ip oifname eth0 masquerade": ["-o eth0 -j MASQUERADE"],
    "meta nfproto ipv6 oifname eth0 masquerade": [NEVER],
    "ip6 saddr fd00::/8 masquerade": [NEVER],
    "jump below": ["-j below"],
    "goto below": ["-g below"],
    "jump a_chain_whose_name_is_longer_than_those_of_iptables": [
        "-j " + chain_word("a_chain_whose_name_is_longer_than_those_of_iptables")
    ],
    "accept": ["-j ACCEPT"],
    'counter log prefix "x"': [""],
}


ROWS_6 = {
    "ip6 saddr fd00:7:0:21::/64 masquerade": ["-s fd00:7:0:21::/64 -j MASQUERADE"],
    "ip6 saddr fd00::/20 accept": ["-s fd00::/20 -j ACCEPT"],
    "ip6 saddr fd00::1 ip6 daddr != fd00::2 accept": ["-s fd00::1/128 ! -d fd00::2/128 -j ACCEPT"],
    "ip6 saddr & ffff:: == fd00:: drop": ["-s fd00::/16 -j DROP"],
    "ip6 saddr & ffff::ffff == fd00::5 drop": ["-s fd00::5/ffff::ffff -j DROP"],
    "ip6 saddr fd00::1-fd00::9 accept": ["-m iprange --src-range fd00::1-fd00::9 -j ACCEPT"],
    "ip6 saddr { fd00::1, fd00::2 } drop": ["-s fd00::1/128 -j DROP", "-s fd00::2/128 -j DROP"],
    "ip6 daddr . tcp dport { fd00::/8 . 80 } drop": ["-d fd00::/8 -p tcp -m tcp --dport 80 -j DROP"],
    "ip6 nexthdr tcp accept": ["-p tcp -j ACCEPT"],
    "icmpv6 type echo-request accept": ["-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT"],
    "icmp type echo-request accept": [NEVER],
    "ip saddr 10.0.0.0/8 masquerade": [NEVER],
    "meta nfproto ipv6 oifname eth0 masquerade": ["-o eth0 -j MASQUERADE"],
    "meta nfproto ipv4 masquerade": [NEVER],
    "meta protocol ip6 accept": ["-j ACCEPT"],
    "oifname eth0 masquerade": ["-o eth0 -j MASQUERADE"],
    "fib daddr type local accept": ["-m addrtype --dst-type LOCAL -j ACCEPT"],
    "meta nfproto ipv6 fib saddr . mark . iif oif missing drop": ["-m rpfilter --validmark --invert -j DROP"],
    "ip6 hoplimit 1-9 drop": ["-m hl --hl-gt 0 -m hl --hl-lt 10 -j DROP"],
    "snat ip6 to ip6 saddr": ["-j NETMAP --to ::/0"],
    "snat ip6 to fd00::5": ["-j SNAT --to-source fd00::5"],
    "snat ip to 10.4.7.21": [""],
    "tcp dport 80 dnat ip6 to [fd00::5]:8080": ["-p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::5]:8080"],
    "dnat ip6 to ip6 daddr map { fd00::1 : fd00::2, fd00::3 : fd00::4 }": [
        "-d fd00::1/128 -j DNAT --to-destination fd00::2",
        "-d fd00::3/128 -j DNAT --to-destination fd00::4",
    ],
    "tcp dport 80 redirect to :8080": ["-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080"],
    "reject": ["-j REJECT --reject-with icmp6-port-unreachable"],
    "reject with icmpx admin-prohibited": ["-j REJECT --reject-with icmp6-adm-prohibited"],
    "reject with icmpv6 no-route": ["-j REJECT --reject-with icmp6-no-route"],
    "reject with icmp host-unreachable": [NEVER],
    "ip6 hoplimit set 5": [""],
    "ip6 daddr set fd00::1": ["-j nft-unknown"],
}
ALL_ROWS = [*((4, rule, words) for rule, words in ROWS.items()), *((6, rule, words) for rule, words in ROWS_6.items())]


TABLES = {version: TABLE.replace("RULE", "\n".join(rows)) for version, rows in ((4, ROWS), (6, ROWS_6))}


def in_words(table, version):
    """Load a table; return what each rule of its chain c is in iptables' words."""
    subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True)
    family, devices = table.split()[1], dict(socket.if_nameindex())
    parts = [translated(rule, Sets(family, "t"), devices, version) for rule in rules(family, "t", "c")]
    return [[str(rule) for rule in part.rules] for part in parts]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Return what each rule that this kernel has is in iptables' words, and in ip6tables'."""
    said = {}
    for version, table in TABLES.items():
        said[version] = call(tmp_path_factory.mktemp("lock") / "lock", in_words, table, version)
    return said


@pytest.fixture(scope="module")
def recorded():
    """Return what each rule that was recorded of a kernel is in iptables' words, and in ip6tables'."""
    said = {}
    for version, table in TABLES.items():
        with replayed(table):
            parts = [translated(rule, Sets("inet", "t"), {1: "lo"}, version) for rule in rules("inet", "t", "c")]
        said[version] = [[str(rule) for rule in part.rules] for part in parts]
    return said


@pytest.fixture(scope="module", params=["recorded", pytest.param("kernel", marks=pytest.mark.kernel)])
def said(request):
    """Return what each rule is in iptables' words, and in ip6tables'."""
    said = request.getfixturevalue(request.param)
    return {version: dict(zip(rows, said[version], strict=True)) for version, rows in ((4, ROWS), (6, ROWS_6))}


@pytest.mark.parametrize(("version", "rule", "wanted"), ALL_ROWS)
def test_rule_of_nft_is_said_in_iptables_words(said, version, rule, wanted):
    assert said[version][rule] == wanted


@pytest.mark.parametrize(("version", "text"), [(version, text) for version, _, texts in ALL_ROWS for text in texts])
def test_what_is_said_is_read_back_as_it_was(version, text):
    assert str(Rule.parse(text, version=version)) == text


WRITTEN = [
    "-s 10.0.0.0/8 ! -d 10.1.0.0/16 -i eth0 -p tcp -m tcp --dport 80:90 -j ACCEPT",
    "! -s 10.1.2.3/32 -p udp -m udp --sport 53 -j DROP",
    "-o ve+ -p icmp -m icmp --icmp-type 8 -j RETURN",
    "-m mark --mark 0x4000/0x4000 -j RETURN",
    "-m mark ! --mark 0x5/0xff -j RETURN",
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-m conntrack ! --ctstate NEW -j DROP",
    "-m addrtype --dst-type LOCAL -j below",
    "-m addrtype ! --src-type LOCAL -j ACCEPT",
    "-m connmark --mark 0x1/0xf -j ACCEPT",
    "-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP",
    "-j MARK --set-xmark 0x4000/0x4000",
    "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    "-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080",
    "-o eth0 -j SNAT --to-source 10.0.0.1-10.0.0.9",
    "-j REJECT --reject-with icmp-host-prohibited",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_rule_that_iptables_translates_to_nft_is_translated_back(text, tmp_path):
    table = "nat" if "SNAT" in text or "DNAT" in text else "mangle" if "MARK" in text else "filter"
    words = ["iptables-translate", "-t", table, "-A", "c", *text.split()]
    rule = run(words, tmp_path / "lock").stdout.partition(" c ")[2].strip().strip("'")
    table = TABLE.replace("RULE", rule).replace("inet t", "ip t")
    assert call(tmp_path / "lock", in_words, table, 4) == [[text]]


def extension(kind, name):
    return instruction(kind, _1=name.encode() + b"\0")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ([extension("match", "comment"), ACCEPT], "-j ACCEPT"),
        ([extension("match", "recent"), ACCEPT], "-m nft -j ACCEPT"),
        ([extension("target", "LOG"), ACCEPT], "-j ACCEPT"),
        ([extension("target", "MASQUERADE")], "-j MASQUERADE"),
        ([extension("target", "TEE")], "-j nft-unknown"),
        ([instruction("objref", _1=1), ACCEPT], "-j ACCEPT"),
        ([instruction("objref", _1=2), ACCEPT], "-m nft -j ACCEPT"),
        ([meta(MARK), bitwise(b"\xff", b"\0"), compare(b"\1"), ACCEPT], "-m nft -j ACCEPT"),
        ([instruction("not-yet-invented"), ACCEPT], "-m nft -j ACCEPT"),
        ([instruction("queue", _1=0)], "-j NFQUEUE"),
    ],
)
def test_what_iptables_has_put_into_nftables_is_read_by_its_name(rule, said):
    assert words(*rule) == [said]
