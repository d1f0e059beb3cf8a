"""The matches whose options are understood, one line an option (iptables-extensions(8), MATCH EXTENSIONS).

Options stand in the order in which iptables-save prints them. What is not here is carried as it was written.
"""

from __future__ import annotations

from typing import Final

from netplan.netfilter.iptables import names
from netplan.netfilter.iptables.extension import ExtensionSpec as Spec
from netplan.netfilter.iptables.extension import Option, Options
from netplan.netfilter.iptables.extension import OptionSpec as Opt
from netplan.netfilter.iptables.names import DCCP, ICMP, ICMPV6, PROTOCOLS, SCTP, TCP, UDP, UDPLITE
from netplan.netfilter.iptables.number import mark, number, number_range, port_list, port_range, probability, rate
from netplan.netfilter.iptables.operands import Condition
from netplan.netfilter.iptables.quoting import quote, quote_pattern
from netplan.netfilter.iptables.word import (
    address,
    address_range,
    comment,
    directions,
    flags,
    host_or_network,
    icmp_type,
    interface,
    mac,
    one_of,
    pattern,
    set_name,
    word,
)

_BYTE: Final = number(0, 255)
_LENGTHS: Final = number_range(":", 0xFFFF, open_ends=True)
_OWNERS: Final = number_range("-", 0xFFFFFFFE, open_ends=False)
_TIMES: Final = number_range(":", 0xFFFFFFFF, open_ends=True)
_UNSIGNED: Final = number(0, 0xFFFFFFFF)
_TYPES: Final = flags(names.ADDRESS_TYPES)
_FLAGS: Final = flags(names.TCP_FLAGS, none="NONE", everything="ALL")
_PROTOCOL: Final = one_of(
    {name: str(value) for name, value in PROTOCOLS.items()} | {str(n): str(n) for n in range(256)}
)
_DEFAULT_LIST: Final = ("DEFAULT", "DEFAULT")
_HOST_MASK: Final = ("255.255.255.255", ":".join(["ffff"] * 8))


def _recent(options: Options, _protocol: Condition[int] | None) -> None:
    if "reap" in options and "seconds" not in options:
        raise ValueError("--reap needs --seconds")
    if "rdest" not in options:
        options.setdefault("rsource", Option("rsource"))


def _statistic(options: Options, _protocol: Condition[int] | None) -> None:
    wanted = {"random": {"mode", "probability"}, "nth": {"mode", "every", "packet"}}[options["mode"].text]
    if options.keys() != wanted:
        raise ValueError("needs --mode random with --probability, or --mode nth with --every and --packet")
    if "packet" in options and int(options["packet"].text) >= int(options["every"].text):
        raise ValueError(f"--packet counts from 0 to {int(options['every'].text) - 1}")


_SOURCE_PORT: Final = Opt("sport", (port_range,), ("source-port",), negatable=True, hidden=("0:65535",))
_DESTINATION_PORT: Final = Opt("dport", (port_range,), ("destination-port",), negatable=True, hidden=("0:65535",))
_SHOWN_PORTS: Final = (
    Opt("sport", (port_range,), ("source-port",), negatable=True),
    Opt("dport", (port_range,), ("destination-port",), negatable=True),
)
_MATCHES: Final = (
    Spec(
        "addrtype",
        (
            Opt("src-type", (_TYPES,), negatable=True),
            Opt("dst-type", (_TYPES,), negatable=True),
            Opt("limit-iface-in"),
            Opt("limit-iface-out"),
        ),
        some=("src-type", "dst-type"),
    ),
    Spec("comment", (Opt("comment", (comment,), show=quote),), exactly=("comment",)),
    Spec("connmark", (Opt("mark", (mark,), negatable=True),), exactly=("mark",)),
    Spec(
        "conntrack",
        (
            Opt("ctstate", (flags(names.NAT_STATES),), negatable=True),
            Opt("ctproto", (_PROTOCOL,), negatable=True),
            Opt("ctorigsrc", (host_or_network,), negatable=True),
            Opt("ctorigdst", (host_or_network,), negatable=True),
            Opt("ctreplsrc", (host_or_network,), negatable=True),
            Opt("ctrepldst", (host_or_network,), negatable=True),
            Opt("ctorigsrcport", (port_range,), negatable=True),
            Opt("ctorigdstport", (port_range,), negatable=True),
            Opt("ctreplsrcport", (port_range,), negatable=True),
            Opt("ctrepldstport", (port_range,), negatable=True),
            Opt("ctstatus", (flags(names.STATUSES, none="NONE"),), negatable=True),
            Opt("ctexpire", (_TIMES,), negatable=True),
            Opt("ctdir", (one_of({"original": "ORIGINAL", "reply": "REPLY"}),)),
        ),
        some=(
            "ctstate",
            "ctproto",
            "ctorigsrc",
            "ctorigdst",
            "ctreplsrc",
            "ctrepldst",
            "ctorigsrcport",
            "ctorigdstport",
            "ctreplsrcport",
            "ctrepldstport",
            "ctstatus",
            "ctexpire",
            "ctdir",
        ),
    ),
    Spec("dccp", _SHOWN_PORTS, protocols=frozenset({DCCP})),
    Spec(
        "icmp",
        (Opt("icmp-type", (icmp_type(names.ICMP_TYPES),), negatable=True),),
        version=4,
        exactly=("icmp-type",),
        protocols=frozenset({ICMP}),
    ),
    Spec(
        "icmp6",
        (Opt("icmpv6-type", (icmp_type(names.ICMPV6_TYPES),), negatable=True),),
        version=6,
        exactly=("icmpv6-type",),
        protocols=frozenset({ICMPV6}),
    ),
    Spec(
        "iprange",
        (Opt("src-range", (address_range,), negatable=True), Opt("dst-range", (address_range,), negatable=True)),
        some=("src-range", "dst-range"),
    ),
    Spec("length", (Opt("length", (_LENGTHS,), negatable=True),), exactly=("length",)),
    Spec(
        "limit",
        (Opt("limit", (rate,), default=("3/hour", "3/hour")), Opt("limit-burst", (number(1, 10_000),), hidden=("5",))),
    ),
    Spec("mac", (Opt("mac-source", (mac,), negatable=True),), exactly=("mac-source",)),
    Spec("mark", (Opt("mark", (mark,), negatable=True),), exactly=("mark",)),
    Spec(
        "multiport",
        (
            Opt("sports", (port_list,), ("source-ports",), negatable=True),
            Opt("dports", (port_list,), ("destination-ports",), negatable=True),
            Opt("ports", (port_list,), negatable=True),
        ),
        exactly=("sports", "dports", "ports"),
        protocols=frozenset({TCP, UDP, UDPLITE, SCTP, DCCP}),
    ),
    Spec(
        "owner",
        (
            Opt("socket-exists", negatable=True),
            Opt("uid-owner", (_OWNERS,), negatable=True),
            Opt("gid-owner", (_OWNERS,), negatable=True),
        ),
        some=("socket-exists", "uid-owner", "gid-owner"),
    ),
    Spec(
        "physdev",
        (
            Opt("physdev-is-in", negatable=True),
            Opt("physdev-in", (interface,), negatable=True),
            Opt("physdev-is-out", negatable=True),
            Opt("physdev-out", (interface,), negatable=True),
            Opt("physdev-is-bridged", negatable=True),
        ),
        some=("physdev-is-in", "physdev-in", "physdev-is-out", "physdev-out", "physdev-is-bridged"),
    ),
    Spec("pkttype", (Opt("pkt-type", (one_of(names.PACKET_TYPES),), negatable=True),), exactly=("pkt-type",)),
    Spec(
        "recent",
        (
            Opt("set", negatable=True),
            Opt("rcheck", negatable=True),
            Opt("update", negatable=True),
            Opt("remove", negatable=True),
            Opt("seconds", (number(1, 0xFFFFFFFF),)),
            Opt("reap"),
            Opt("hitcount", (_UNSIGNED,)),
            Opt("rttl"),
            Opt("name", (word,), default=_DEFAULT_LIST),
            Opt("mask", (address,), default=_HOST_MASK),
            Opt("rsource"),
            Opt("rdest"),
        ),
        exactly=("set", "rcheck", "update", "remove"),
        complete=_recent,
    ),
    Spec(
        "rpfilter",
        (Opt("loose"), Opt("validmark"), Opt("accept-local"), Opt("invert")),
        tables=frozenset({"raw", "mangle"}),
        chains=frozenset({"PREROUTING"}),
    ),
    Spec("sctp", _SHOWN_PORTS, protocols=frozenset({SCTP})),
    Spec(
        "set",
        (Opt("match-set", (set_name, directions), negatable=True),),
        exactly=("match-set",),
    ),
    Spec(
        "socket",
        (Opt("transparent"), Opt("nowildcard"), Opt("restore-skmark")),
        tables=frozenset({"mangle"}),
        chains=frozenset({"PREROUTING", "INPUT"}),
    ),
    Spec("state", (Opt("state", (flags(names.STATES),), negatable=True),), exactly=("state",)),
    Spec(
        "statistic",
        (
            Opt("mode", (one_of({"random": "random", "nth": "nth"}),)),
            Opt("probability", (probability,), negatable=True),
            Opt("every", (number(1, 0xFFFFFFFF),), negatable=True),
            Opt("packet", (_UNSIGNED,)),
        ),
        exactly=("mode",),
        complete=_statistic,
    ),
    Spec(
        "string",
        (
            Opt("string", (pattern,), negatable=True, show=quote_pattern),
            Opt("algo", (one_of({"bm": "bm", "kmp": "kmp"}),)),
            Opt("from", (number(0, 0xFFFF),), hidden=("0",)),
            Opt("to", (number(0, 0xFFFF),), hidden=("65535",)),
            Opt("icase"),
        ),
        exactly=("algo",),
    ),
    Spec(
        "tcp",
        (
            _SOURCE_PORT,
            _DESTINATION_PORT,
            Opt("tcp-option", (number(1, 255),), negatable=True),
            Opt("tcp-flags", (_FLAGS, _FLAGS), negatable=True, hidden=("NONE", "NONE")),
            Opt("syn", negatable=True, writes="tcp-flags", fixed=("FIN,SYN,RST,ACK", "SYN")),
        ),
        protocols=frozenset({TCP}),
    ),
    Spec("tcpmss", (Opt("mss", (_LENGTHS,), negatable=True),), exactly=("mss",), protocols=frozenset({TCP})),
    Spec(
        "ttl",
        (Opt("ttl-eq", (_BYTE,), ("ttl",), negatable=True), Opt("ttl-lt", (_BYTE,)), Opt("ttl-gt", (_BYTE,))),
        version=4,
        exactly=("ttl-eq", "ttl-lt", "ttl-gt"),
    ),
    Spec("udp", (_SOURCE_PORT, _DESTINATION_PORT), protocols=frozenset({UDP})),
)

MATCHES: Final = {spec.name: spec for spec in _MATCHES}

MATCH_EXTENSIONS: Final = MATCHES.keys() | {
    "ah", "bpf", "cgroup", "cluster", "connbytes", "connlabel", "connlimit", "cpu", "devgroup", "dscp", "dst", "ecn",
    "esp", "eui64", "frag", "hashlimit", "hbh", "helper", "hl", "ipcomp", "ipv6header", "ipvs", "mh", "nfacct", "osf",
    "policy", "quota", "rateest", "realm", "rt", "srh", "time", "tos", "u32",
} | {
    "account", "asn", "condition", "fuzzy", "geoip", "gradm", "iface", "ipp2p", "ipv4options", "length2", "lscan",
    "pknock", "psd", "quota2",
}  # fmt: skip
"""All names that are a match's: those of iptables-extensions(8) and of xtables-addons(8)."""

PROTOCOL_MATCHES: Final = {
    TCP: "tcp", UDP: "udp", SCTP: "sctp", DCCP: "dccp", ICMP: "icmp", ICMPV6: "icmp6",
}  # fmt: skip
"""The match that the options of a protocol stand for when no `-m` names it."""
