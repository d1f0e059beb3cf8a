"""Rules as a person may write them, made from the tables of matches and targets: strategies for hypothesis."""

from __future__ import annotations

import os
from functools import cache

from hypothesis import strategies as st

from netplan.net import Address
from netplan.netfilter.iptables import names
from netplan.netfilter.iptables.matches import MATCHES
from netplan.netfilter.iptables.names import ICMP, ICMPV6, PROTOCOLS, SCTP, TCP, UDP
from netplan.netfilter.iptables.quoting import quote, quote_pattern
from netplan.netfilter.iptables.targets import TARGETS

TABLES = ("raw", "mangle", "nat", "filter")
NOT_HERE = {"set"} | ({"owner"} if os.geteuid() != 0 else set())  # needs an ipset; needs root
NAT_PORTS = {TCP, UDP, SCTP, ICMP, names.DCCP}

booleans = st.booleans()
letters = st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_categories=["Cc"])
ports = st.integers(1, 0xFFFE)
marks = st.integers(0, 0xFFFFFFFF)
patterns = st.from_regex(r"[ -~]{0,19}[ -\[\]-~]", fullmatch=True)


interfaces = st.sampled_from(["eth0", "docker0", "veth+", "cni-1.2_3"])
spellings = {
    number: [str(number), *(name.upper() for name, known in PROTOCOLS.items() if known == number)]
    for number in range(256)
}


def spelled(numbers):
    return st.builds(lambda number, spell: spell(number), numbers, st.sampled_from([str, hex]))


def ranges(numbers, separator):
    return st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}{separator}{max(pair)}")


def texts(size):
    return st.text(letters, min_size=1, max_size=size // 2).map(quote)


def flags(order):
    return st.lists(st.sampled_from(order), min_size=1, unique=True).map(",".join)


def masked(values):
    return spelled(values) | st.tuples(spelled(values), spelled(values)).map("/".join)


@cache
def addresses(version):
    return st.integers(1 << 24, (1 << 32) - 1).map(lambda value: str(Address(version, value << 96 * (version == 6))))


@cache
def networks(version):
    lengths = st.integers(1, 32 if version == 4 else 128)
    return addresses(version) | st.tuples(addresses(version), lengths).map(lambda pair: f"{pair[0]}/{pair[1]}")


def address_pairs(version):
    return st.tuples(addresses(version), addresses(version)).map("-".join)


@cache
def nat_ranges(version, protocol):
    plain = addresses(version) | address_pairs(version)
    if protocol not in NAT_PORTS:
        return plain
    bracketed = plain.map(lambda text: f"[{text}]" if version == 6 else text)
    return plain | st.tuples(bracketed, ranges(ports, "-")).map(":".join)


@cache
def option_values(version, protocol):
    """What each option that takes arguments is written with."""
    port_range = spelled(ports) | ranges(ports, ":") | ports.map("{}:".format) | st.just("http")
    port_list = st.lists(spelled(ports) | ranges(ports, ":"), min_size=1, max_size=7).map(",".join)
    byte = spelled(st.integers(0, 255))
    owner = st.sampled_from(["0", "0-0"])
    icmp = st.sampled_from([*names.ICMP_TYPES]) | ranges(st.integers(0, 254), "/")
    icmpv6 = st.sampled_from([*names.ICMPV6_TYPES]) | ranges(st.integers(0, 254), "/")
    reject = [short for pair in names.REJECT_WITH[version].items() for short in pair]
    lengths = spelled(st.integers(0, 0xFFFF)) | ranges(st.integers(0, 0xFFFF), ":") | ports.map(":{}".format)
    return {
        **dict.fromkeys(("sport", "dport"), port_range),
        **dict.fromkeys(("sports", "dports", "ports"), port_list),
        **dict.fromkeys(("ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"), networks(version)),
        **dict.fromkeys(("ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"), spelled(ports)),
        **dict.fromkeys(("src-range", "dst-range"), addresses(version) | address_pairs(version)),
        **dict.fromkeys(("ttl-eq", "ttl-lt", "ttl-gt"), byte),
        **dict.fromkeys(("physdev-in", "physdev-out"), st.sampled_from(["eth0", "veth+", "+"])),
        **dict.fromkeys(("set-xmark", "set-mark", "mark", "tproxy-mark"), masked(marks)),
        **dict.fromkeys(("or-mark", "and-mark", "xor-mark", "nfmask", "ctmask"), spelled(marks)),
        **dict.fromkeys(("to-source", "to-destination"), nat_ranges(version, protocol)),
        **dict.fromkeys(("uid-owner", "gid-owner"), owner),
        **dict.fromkeys(("length", "mss"), lengths),
        "comment": texts(255),
        "ctdir": st.sampled_from(["ORIGINAL", "reply"]),
        "ctexpire": ranges(marks, ":"),
        "ctproto": st.sampled_from(["tcp", "6", "gre", "254"]),
        "ctstate": flags(names.NAT_STATES),
        "ctstatus": flags(names.STATUSES) | st.just("NONE"),
        "icmp-type": icmp,
        "icmpv6-type": icmpv6,
        "log-level": st.sampled_from([*names.LOG_LEVELS, "4", "7"]),
        "log-prefix": texts(29),
        "mac-source": st.sampled_from(["02:42:AC:11:00:02", "2:42:ac:11:0:2"]),
        "nflog-group": spelled(st.integers(0, 0xFFFF)),
        "nflog-prefix": texts(63),
        "nflog-size": spelled(st.integers(0, 0xFFFF)),
        "nflog-threshold": spelled(st.integers(0, 0xFFFF)),
        "on-ip": addresses(version),
        "on-port": spelled(ports),
        "pkt-type": st.sampled_from([*names.PACKET_TYPES]),
        "reject-with": st.sampled_from([name for name in reject if protocol == TCP or not name.startswith("tcp")]),
        "set-dscp": spelled(st.integers(0, 63)),
        "set-dscp-class": st.sampled_from([*names.DSCP_CLASSES]),
        "set-mss": spelled(st.integers(0, 65_515)),
        "state": flags(names.STATES),
        "tcp-flags": st.tuples(flags(names.TCP_FLAGS) | st.just("ALL"), flags(names.TCP_FLAGS)).map(" ".join),
        "tcp-option": spelled(st.integers(1, 255)),
        "to": networks(version),
        "to-ports": spelled(ports) | ranges(ports, "-"),
    }


@cache
def whole_extensions(version):
    """The extensions whose options depend on each other, with all their options."""
    seen = st.sampled_from(["", " --name ssh", " --rdest", " --rsource --mask " + str(Address(version, 255))])
    probabilities = st.floats(0, 1).map("{:.9f}".format) | st.sampled_from(["1", ".5", "1e-3"])
    rates = st.tuples(st.integers(1, 10_000), st.sampled_from(["", "/s", "/sec", "/minute", "/hour"]))
    masks = st.sampled_from(["", " --mask 0xff", " --nfmask 0xff", " --nfmask 1 --ctmask 2"])
    types = flags(["unicast", "LOCAL", "ANYCAST", "MULTICAST"])
    interfaces = st.sampled_from(["", " --limit-iface-in", " --limit-iface-out"])
    return {
        "addrtype": st.builds("--dst-type {}{}".format, types, interfaces)
        | st.builds("! --dst-type {} --src-type {}{}".format, types, types, interfaces),
        "CONNMARK": st.builds("--{}-mark{}".format, st.sampled_from(["save", "restore"]), masks)
        | st.builds("--set-mark {}".format, masked(marks)),
        "limit": st.just("") | st.builds("--limit {0[0]}{0[1]} --limit-burst {1}".format, rates, st.integers(1, 99)),
        "recent": st.builds("{}{}".format, st.sampled_from(["--set", "! --rcheck", "--remove"]), seen)
        | st.builds("--update --hitcount 4 --seconds 60 --reap --rttl{}".format, seen),
        "statistic": st.builds("--mode random --probability {}".format, probabilities)
        | st.integers(1, 99).map(lambda every: f"--mode nth ! --every {every} --packet {every - 1}"),
        "string": st.builds(
            "--algo {} {}--string {} --from 0 --to {} --icase".format,
            st.sampled_from(["bm", "KMP"]),
            st.sampled_from(["", "! "]),
            patterns.map(quote_pattern),
            st.sampled_from(["9", "65535"]),
        ),
    }


@st.composite
def extensions(draw, spec, version, protocol):
    """One match or target: an option that it needs, and some of those that go with it."""
    whole = whole_extensions(version)
    if spec.name in whole:
        return f"{spec.name} {draw(whole[spec.name])}"
    usable = [option for option in spec.options if option.name != "to-ports" or protocol in NAT_PORTS]
    needed = [option for option in usable if option.printed in (*spec.exactly, *spec.some)]
    first = [draw(st.sampled_from(needed))] if needed else []
    others = {option.printed: option for option in usable if option.printed not in spec.exactly}
    more = [option for option in others.values() if option not in first and draw(booleans)]
    values = option_values(version, protocol)
    words = [spec.name]
    for option in draw(st.permutations(first + more)):
        words += ["!"] if option.negatable and draw(booleans) else []
        words.append("--" + draw(st.sampled_from([option.name, *option.aliases])))
        words += [draw(values[option.name])] if option.readers else []
    return " ".join(words)


@st.composite
def conditions(draw, version, protocol, *, negated):
    """What stands before the matches, in any order."""
    readers = {"-s": networks(version), "-d": networks(version), "-i": interfaces, "-o": interfaces}
    given = [f"{'! ' * draw(booleans)}{option} {draw(values)}" for option, values in readers.items() if draw(booleans)]
    if protocol:
        given.append(f"{'! ' * negated}-p {draw(st.sampled_from(spellings[protocol]))}")
    if version == 4 and draw(booleans) and draw(booleans):
        given.append(draw(st.sampled_from(["-f", "! --fragment"])))
    return draw(st.permutations(given))


@st.composite
def rules(draw, version, table):
    """A rule that iptables and the kernel accept in a user chain of this table."""
    protocol = draw(st.sampled_from([0, TCP, UDP, SCTP, names.DCCP, ICMP, ICMPV6, 47, 254]))
    negated = bool(protocol) and draw(booleans) and draw(booleans)

    def possible(spec):
        return (
            spec.version in (None, version)
            and (not spec.tables or table in spec.tables)
            and (not spec.protocols or (protocol in spec.protocols and not negated))
        )

    matches = [spec for spec in MATCHES.values() if possible(spec) and spec.name not in NOT_HERE]
    chosen = draw(st.lists(st.sampled_from(matches), max_size=3, unique_by=lambda spec: spec.name))
    target = draw(st.sampled_from([spec for spec in TARGETS.values() if possible(spec)]))
    words = draw(conditions(version, protocol, negated=negated))
    words += ["-m " + draw(extensions(spec, version, protocol)) for spec in chosen]
    if target.name == "TCPMSS":
        words = [word for word in words if not word.startswith("-m tcp ")] + ["--syn"]
    return " ".join([*words, "-j " + draw(extensions(target, version, 0 if negated else protocol))])
