"""What the first packet of a connection has besides its header: by this a rule is decided that asks for more.

It has TTL 64, less one once this node forwards it, no TOS, and the length of a TCP SYN of Linux; it is for one host, is
under every limit, and no transformation (xfrm) or connection tracking helper has to do with it. No list of addresses
that packets made, and no process of this node but the one that it is for, knows of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from netplan.netfilter.iptables.match import Match
from netplan.netfilter.iptables.names import POLICY
from netplan.netfilter.iptables.operands import Masked, Range
from netplan.trace.flow import NO_DEVICE, Flow, Holds, Phase

TTL: Final = 64
LENGTHS: Final = {4: 60, 6: 80}
"""How many bytes it has with its header, by the IP version."""

_FORWARDED: Final = ("FORWARD", "POSTROUTING")


class _Given(NamedTuple):
    """An option of a match, whether it is negated, and its value as it is written."""

    name: str
    negated: bool
    value: str


def _options(match: Match) -> list[_Given]:
    """Return the options of a match, also of one that carries them as they were written."""
    if not match.unread:
        return [_Given(option.name, option.negated, option.text if option.values else "") for option in match.options]
    options: list[_Given] = []
    negated = False
    for word in match.unread.split():
        if word.startswith("--"):
            options.append(_Given(word.removeprefix("--"), negated, ""))
        elif word != "!" and options:
            options[-1] = options[-1]._replace(value=word)
        negated = word == "!"
    return options


def _limited(match: Match, _flow: Flow) -> Holds:
    """Answer for what stays under a limit: not what asks for more than that."""
    limits = (option for option in _options(match) if option.name in _LIMITS)
    over = {limit.name.endswith("-above") is not limit.negated for limit in limits}
    return Holds.NEVER if True in over else Holds.ALWAYS


_LIMITS: Final = frozenset(
    {*("hashlimit", "hashlimit-upto", "hashlimit-above", "connlimit-upto", "connlimit-above", "quota")}
)


def _recent(match: Match, _flow: Flow) -> Holds:
    """Answer for a source of which no packet came lately, but for lists that other connections made of it."""
    options = {option.name: option.negated for option in _options(match)}
    if "set" in options:
        return Holds.ALWAYS.unless(options["set"])
    counted = Holds.NEVER if "hitcount" in options else Holds.SOMETIMES
    return counted.unless(any(options.values()))


def _length(match: Match, flow: Flow) -> Holds:
    """Answer for the packet that opens a connection: those that follow are of any length."""
    if flow.phase is not Phase.FIRST:
        return Holds.SOMETIMES
    return _all(match, {LENGTHS[flow.version]}, {"length": lambda value, length: Range.of(value).contains(length)})


def _ttl(match: Match, flow: Flow) -> Holds:
    return _all(
        match,
        _ttls(flow),
        {
            **dict.fromkeys(("ttl-eq", "hl-eq"), lambda value, ttl: ttl == int(value)),
            **dict.fromkeys(("ttl-lt", "hl-lt"), lambda value, ttl: ttl < int(value)),
            **dict.fromkeys(("ttl-gt", "hl-gt"), lambda value, ttl: ttl > int(value)),
        },
    )


def _ttls(flow: Flow) -> set[int]:
    """Return the TTL; what is forwarded loses one before FORWARD (net/ipv4/ip_forward.c), what is bridged does not."""
    if flow.hook not in _FORWARDED or flow.iif == NO_DEVICE or flow.iif == flow.oif is not None:
        return {TTL}
    return {TTL - 1} if flow.iif is not None else {TTL - 1, TTL}


def _tos(match: Match, _flow: Flow) -> Holds:
    return _all(
        match,
        {0},
        {"tos": lambda value, tos: Masked.of(value).value == tos, "dscp": lambda value, _: not int(value, 0)},
    )


def _all(match: Match, values: set[int], answers: dict[str, Callable[[str, int], bool]]) -> Holds:
    """Answer for packets that have one of some values by what each option asks of it; not by what is not known."""
    options = _options(match)
    if not options or any(option.name not in answers for option in options):
        return Holds.SOMETIMES
    try:
        fitting = {
            all(answers[name](operand, value) is not negated for name, negated, operand in options) for value in values
        }
    except ValueError:  # what a record says need not be what iptables prints
        return Holds.SOMETIMES
    return Holds.when(fitting.pop() if len(fitting) == 1 else None)


def _packet_type(match: Match, _flow: Flow) -> Holds:
    return _all(match, {0}, {"pkt-type": lambda value, _: value == "unicast"})


def _policy(match: Match, _flow: Flow) -> Holds:
    """Answer for packets that IPsec has nothing to do with (net/netfilter/xt_policy.c)."""
    return Holds.when("ipsec" not in {option.value for option in _options(match) if option.name == "pol"})


def _cgroup(_match: Match, flow: Flow) -> Holds:
    """Answer for what this node only forwards: it has no control group."""
    return Holds.SOMETIMES if flow.iif in (None, NO_DEVICE) else Holds.NEVER


def _helper(match: Match, _flow: Flow) -> Holds:
    return Holds.NEVER.unless(any(option.negated for option in _options(match)))


def _counted(_match: Match, _flow: Flow) -> Holds:
    return Holds.ALWAYS


_ANSWERS: Final[dict[str, Callable[[Match, Flow], Holds]]] = {
    **dict.fromkeys(("limit", "hashlimit", "connlimit", "quota"), _limited),
    **dict.fromkeys(("ttl", "hl"), _ttl),
    **dict.fromkeys(("tos", "dscp"), _tos),
    "cgroup": _cgroup,
    "helper": _helper,
    "length": _length,
    "nfacct": _counted,
    "pkttype": _packet_type,
    POLICY: _policy,
    "recent": _recent,
}

FIRST_PACKET: Final = _ANSWERS.keys()
"""The names of the matches that a first packet answers by what it is."""


def first_packet(match: Match, flow: Flow) -> Holds:
    """Answer for packets on their way; nothing is known of those that stand for all that may come by a rule."""
    return Holds.SOMETIMES if flow.state is None else _ANSWERS[match.name](match, flow)
