"""Whether packets are in the sets that rules ask: net/netfilter/ipset/ip_set_hash_*.c and their like."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from msgspec.structs import replace

from netplan.kinds.ipset.value import DIMENSIONS, LIST, IpSet, Member, Part, Port
from netplan.net import Prefix
from netplan.netfilter.iptables.names import ICMP, ICMPV6
from netplan.netfilter.iptables.operands import interface_matches
from netplan.trace.flow import NO_DEVICE, Flow, Holds

_SOURCE: Final = "src"
_WITH_PORTS: Final = frozenset({6, 17, 132, 136})


class Sets:
    """The sets of a state by their names; one that is not here, or was not read, may hold anything."""

    def __init__(self, sets: Iterable[IpSet]) -> None:
        self._sets = {ip_set.name: _Set(ip_set) for ip_set in sets}

    def holds(self, name: str, directions: Sequence[str], flow: Flow) -> Holds:
        """Whether packets are in a set, by their addresses, ports and devices in the directions that a rule gives."""
        ip_set = self._sets.get(name)
        if ip_set is None or ip_set.unread:
            return Holds.SOMETIMES
        if len(directions) < len(ip_set.dimensions):
            return Holds.NEVER
        if ip_set.listed:
            return max(self._listed(listed, directions, flow) for listed in ip_set.listed)
        answers = {ip_set.holds(directions, replace(flow, destinations=(one,))) for one in flow.destinations}
        return answers.pop() if len(answers) == 1 else Holds.SOMETIMES

    def _listed(self, name: str, directions: Sequence[str], flow: Flow) -> Holds:
        """Whether packets are in a set that another lists; the kernel has no lists of lists, a record may."""
        ip_set = self._sets.get(name)
        return Holds.SOMETIMES if ip_set is None or ip_set.listed else self.holds(name, directions, flow)


class _Set:
    """A set in which the members that matter to packets are found without a look at the others."""

    def __init__(self, given: IpSet) -> None:
        self.unread = given.unread
        self.dimensions = DIMENSIONS.get(given.type, ())
        self.listed = [str(member.parts[0]) for member in given.members] if given.type == LIST else []
        self._by_device = "iface" in self.dimensions
        self._members: dict[Prefix, list[Member]] = {}
        self._version = given.version
        if not self.listed:
            for member in given.members:
                self._members.setdefault(_networks(member)[0], []).append(member)
        self._prefixes = sorted(self._members)
        self._lengths = sorted({prefix.length for prefix in self._members})

    def holds(self, directions: Sequence[str], flow: Flow) -> Holds:
        """Whether packets to one destination prefix are members: the narrowest network that holds them decides.

        A class is inside for sure only if every way to decide on its packets says so.
        """
        if self._version != flow.version:
            return Holds.NEVER
        answers: set[bool] = set()
        looked_up = flow.source if directions[0] == _SOURCE else flow.destinations[0]
        near = sorted(self._near(looked_up), key=_narrowest_first)
        for _, alike in groupby(near, key=_networks if self._by_device else _whole):
            members = list(alike)
            memberships = [_is_member(member, directions, flow) for member in members]
            if self._by_device:
                answers |= _by_device(members, memberships, directions, flow)
                decided = _in_network(members[0], directions, flow) is Holds.ALWAYS
            else:
                answers |= {not members[0].nomatch} if memberships[0] is not Holds.NEVER else set()
                decided = memberships[0] is Holds.ALWAYS
            if decided:
                break
        else:
            answers |= {False}
        return Holds.when(answers.pop() if len(answers) == 1 else None)

    def _near(self, prefix: Prefix) -> Iterator[Member]:
        """Return the members whose first network covers a prefix, or lies in it."""
        for length in self._lengths:
            if length <= prefix.length:
                yield from self._members.get(prefix.within(length), ())
        start = bisect_left(self._prefixes, prefix)
        for inside in self._prefixes[start:]:
            if inside.value >= prefix.value + prefix.size:
                break
            if inside.length > prefix.length:
                yield from self._members[inside]


def _networks(member: Member) -> tuple[Prefix, ...]:
    return tuple(part for part in member.parts if isinstance(part, Prefix))


def _whole(member: Member) -> Member:
    return member


def _narrowest_first(member: Member) -> tuple[object, ...]:
    networks = _networks(member)
    return ([-network.length for network in networks], networks, str(member))


def _is_member(member: Member, directions: Sequence[str], flow: Flow) -> Holds:
    return min(_is_part(part, way, flow) for part, way in zip(member.parts, directions, strict=False))


def _in_network(member: Member, directions: Sequence[str], flow: Flow) -> Holds:
    return _is_part(member.parts[0], directions[0], flow)


def _by_device(
    members: Sequence[Member], memberships: Sequence[Holds], directions: Sequence[str], flow: Flow
) -> set[bool]:
    """Say what members of one network may decide: where it holds packets but no device does, they are not inside.

    hash_netiface4_data_equal counts the network alone as found.
    """
    if _in_network(members[0], directions, flow) is Holds.NEVER:
        return set()
    answers = {
        not member.nomatch
        for member, membership in zip(members, memberships, strict=True)
        if membership is not Holds.NEVER
    }
    devices = [_is_part(member.parts[1], directions[1], flow) for member in members]
    return answers | ({False} if Holds.ALWAYS not in devices else set())


def _is_part(part: Part, direction: str, flow: Flow) -> Holds:
    source = direction == _SOURCE
    if isinstance(part, Prefix):
        return _is_within(part, flow, source=source)
    if isinstance(part, Port):
        return _has_port(part, flow, source=source)
    device = flow.iif if source else flow.oif
    if device is None or (flow.other_oif and not source):
        return Holds.SOMETIMES
    return Holds.when(device != NO_DEVICE and interface_matches(part, device))


def _is_within(network: Prefix, flow: Flow, *, source: bool) -> Holds:
    packets = flow.source if source else flow.destinations[0]
    if source and flow.but_not is not None and flow.but_not.covers(network):
        return Holds.NEVER
    if network.covers(packets):
        return Holds.ALWAYS
    return Holds.SOMETIMES if packets.covers(network) else Holds.NEVER


def _has_port(port: Port, flow: Flow, *, source: bool) -> Holds:
    """Whether packets have a port (ip_set_getport.c): what has no ports counts as port 0."""
    if flow.protocol is None:
        return Holds.SOMETIMES
    if flow.protocol != port.protocol:
        return Holds.NEVER
    number: int | None = 0
    if flow.protocol in _WITH_PORTS:
        number = flow.sport if source else flow.dport
    elif flow.protocol in (ICMP, ICMPV6):
        number = None if flow.icmp_type is None else flow.icmp_type[0] << 8 | flow.icmp_type[1]
    return Holds.when(None if number is None else number == port.number)
