"""The targets whose options are understood, one line an option (iptables-extensions(8), TARGET EXTENSIONS).

Options stand in the order in which iptables-save prints them. What is not here is carried as it was written: a chain of
the user, or another target.
"""

from __future__ import annotations

from typing import Final

from netplan.netfilter.iptables import names
from netplan.netfilter.iptables.extension import ExtensionSpec as Spec
from netplan.netfilter.iptables.extension import Option, Options, protocol_names
from netplan.netfilter.iptables.extension import OptionSpec as Opt
from netplan.netfilter.iptables.names import DCCP, ICMP, SCTP, TCP, UDP
from netplan.netfilter.iptables.number import (
    and_mark,
    dscp,
    dscp_class,
    hexadecimal,
    nat_ports,
    number,
    or_mark,
    port,
    set_mark,
    xmark,
    xor_mark,
)
from netplan.netfilter.iptables.operands import Condition, split_nat_range
from netplan.netfilter.iptables.quoting import quote
from netplan.netfilter.iptables.word import address, nat_range, network, one_of, text_up_to

_REJECT_WITH: Final = one_of(
    *({key: name for name, short in known.items() for key in (name, short)} for known in names.REJECT_WITH.values())
)
_LOG_LEVEL: Final = one_of({str(level): str(level) for level in range(8)} | names.LOG_LEVELS)
_UNSIGNED: Final = number(0, 0xFFFFFFFF)
_ALL_BITS: Final = "0xffffffff"
_NAT_PORT_PROTOCOLS: Final = frozenset({ICMP, TCP, UDP, DCCP, SCTP})
_NAT: Final = frozenset({"nat"})
_MANGLE: Final = frozenset({"mangle"})
_RAW: Final = frozenset({"raw"})


def _connmark(options: Options, _protocol: Condition[int] | None) -> None:
    masks = {"mask", "nfmask", "ctmask"} & options.keys()
    if "set-xmark" in options:
        if masks:
            raise ValueError("write the mask behind the mark: --set-xmark VALUE/MASK")
        return
    both = options.pop("mask", None)
    for name in ("nfmask", "ctmask"):
        options.setdefault(name, Option(name, values=both.values if both else (_ALL_BITS,)))


def _reject(options: Options, protocol: Condition[int] | None) -> None:
    if "reject-with" in options and options["reject-with"].text == "tcp-reset" and protocol != Condition(TCP):
        raise ValueError("--reject-with tcp-reset needs -p tcp")


def _nat(options: Options, protocol: Condition[int] | None) -> None:
    """Refuse ports without a protocol that has them; iptables accepts a negated protocol here."""
    with_ports = "to-ports" in options or any(split_nat_range(to.text)[1] for to in options.values() if to.values)
    if with_ports and (protocol is None or protocol.value not in _NAT_PORT_PROTOCOLS):
        raise ValueError(f"ports need {protocol_names(_NAT_PORT_PROTOCOLS)}")


_SET_MARKS: Final = (
    Opt("set-xmark", (xmark,)),
    Opt("set-mark", (set_mark,), writes="set-xmark"),
    Opt("or-mark", (or_mark,), writes="set-xmark"),
    Opt("and-mark", (and_mark,), writes="set-xmark"),
    Opt("xor-mark", (xor_mark,), writes="set-xmark"),
)
_RANDOM: Final = Opt("random")
_RANDOM_FULLY: Final = Opt("random-fully")
_PERSISTENT: Final = Opt("persistent")
_TO_PORTS: Final = Opt("to-ports", (nat_ports,), ("to-port",))

_TARGETS: Final = (
    Spec("ACCEPT"),
    Spec("DROP", tables=frozenset({"filter", "mangle", "raw", "security"})),
    Spec("RETURN"),
    Spec(
        "CONNMARK",
        (
            *_SET_MARKS,
            Opt("save-mark"),
            Opt("restore-mark"),
            Opt("nfmask", (hexadecimal,)),
            Opt("ctmask", (hexadecimal,)),
            Opt("mask", (hexadecimal,)),
        ),
        exactly=("set-xmark", "save-mark", "restore-mark"),
        complete=_connmark,
    ),
    Spec("CT", (Opt("notrack"),), tables=_RAW),
    Spec(
        "DNAT",
        (Opt("to-destination", (nat_range,), ("to",)), _RANDOM, _PERSISTENT),
        exactly=("to-destination",),
        tables=_NAT,
        chains=frozenset({"PREROUTING", "OUTPUT"}),
        complete=_nat,
    ),
    Spec(
        "DSCP",
        (Opt("set-dscp", (dscp,)), Opt("set-dscp-class", (dscp_class,), writes="set-dscp")),
        exactly=("set-dscp",),
        tables=_MANGLE,
    ),
    Spec(
        "LOG",
        (
            Opt("log-prefix", (text_up_to(29),), show=quote),
            Opt("log-level", (_LOG_LEVEL,), hidden=("4",)),
            Opt("log-tcp-sequence"),
            Opt("log-tcp-options"),
            Opt("log-ip-options"),
            Opt("log-uid"),
            Opt("log-macdecode"),
        ),
    ),
    Spec("MARK", _SET_MARKS, exactly=("set-xmark",)),
    Spec(
        "MASQUERADE",
        (_TO_PORTS, _RANDOM, _RANDOM_FULLY),
        tables=_NAT,
        chains=frozenset({"POSTROUTING"}),
        complete=_nat,
    ),
    Spec("NETMAP", (Opt("to", (network,)),), exactly=("to",), tables=_NAT),
    Spec(
        "NFLOG",
        (
            Opt("nflog-prefix", (text_up_to(127),), show=quote),
            Opt("nflog-group", (number(0, 0xFFFF),), hidden=("0",)),
            Opt("nflog-size", (_UNSIGNED,)),
            Opt("nflog-threshold", (number(0, 0xFFFF),), hidden=("0",)),
        ),
    ),
    Spec("NOTRACK", tables=_RAW),
    Spec(
        "REDIRECT",
        (_TO_PORTS, _RANDOM),
        tables=_NAT,
        chains=frozenset({"PREROUTING", "OUTPUT"}),
        complete=_nat,
    ),
    Spec(
        "REJECT",
        (Opt("reject-with", (_REJECT_WITH,), default=("icmp-port-unreachable", "icmp6-port-unreachable")),),
        tables=frozenset({"filter"}),
        chains=frozenset({"INPUT", "FORWARD", "OUTPUT"}),
        complete=_reject,
    ),
    Spec(
        "SNAT",
        (Opt("to-source", (nat_range,), ("to",)), _RANDOM, _RANDOM_FULLY, _PERSISTENT),
        exactly=("to-source",),
        tables=_NAT,
        chains=frozenset({"INPUT", "POSTROUTING"}),
        complete=_nat,
    ),
    Spec(
        "TCPMSS",
        (Opt("set-mss", (number(0, 65_515),)), Opt("clamp-mss-to-pmtu")),
        exactly=("set-mss", "clamp-mss-to-pmtu"),
        protocols=frozenset({TCP}),
    ),
    Spec(
        "TPROXY",
        (
            Opt("on-port", (port,)),
            Opt("on-ip", (address,), default=("0.0.0.0", "::")),  # noqa: S104
            Opt("tproxy-mark", (xmark,), default=("0x0/0x0", "0x0/0x0")),
        ),
        exactly=("on-port",),
        protocols=frozenset({TCP, UDP}),
        tables=_MANGLE,
        chains=frozenset({"PREROUTING"}),
    ),
)

TARGETS: Final = {spec.name: spec for spec in _TARGETS}

TARGET_EXTENSIONS: Final = TARGETS.keys() | {
    "AUDIT", "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNSECMARK", "DNPT", "ECN", "HL", "HMARK", "IDLETIMER", "LED",
    "NFQUEUE", "QUEUE", "RATEEST", "SECMARK", "SET", "SNPT", "SYNPROXY", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL",
    "ULOG",
}  # fmt: skip
"""All names that are a target's: iptables makes no chain of such a name."""

ADDED_TARGETS: Final = frozenset({
    "ACCOUNT", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "IPMARK", "LOGMARK", "PROTO", "SYSRQ", "TARPIT",
})  # fmt: skip
"""The names of targets of xtables-addons(8): where that is not installed, a chain may have such a name."""
