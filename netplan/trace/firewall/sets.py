"""Which packets are in the sets that rules ask: net/netfilter/ipset/ip_set_hash_*.c and their like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from netplan.kinds.ipset.value import DIMENSIONS, LIST, IpSet, Member, Part, Port
from netplan.net import Prefix
from netplan.netfilter.iptables.names import ICMP, ICMPV6
from netplan.netfilter.iptables.operands import interface_matches
from netplan.trace.flow import DESTINATION, NO_DEVICE, SERVICE, SOURCE, SPORT, Field, Flow, services
from netplan.trace.intervals import Intervals, narrowest, of_prefix, only, union
from netplan.trace.split import Split, Test, any_of, cut, split_by

_SOURCE: Final = "src"
_WITH_PORTS: Final = frozenset({6, 17, 132, 136})

_Product = tuple[tuple[Field, Intervals], ...]


class Sets:
    """The sets of a state by their names; one that is not here, or was not read, may hold anything."""

    def __init__(self, sets: Iterable[IpSet]) -> None:
        self._sets = {ip_set.name: ip_set for ip_set in sets}
        self._compiled = cache(self._compile)

    def test(self, name: str, directions: Sequence[str]) -> Test:
        """Return the condition that packets are in a set, by what they have in the directions that a rule gives."""
        return self._compiled(name, tuple(directions))

    def _compile(self, name: str, directions: tuple[str, ...]) -> Test:
        ip_set = self._sets.get(name)
        if ip_set is None or ip_set.unread:
            return _doubt
        dimensions = DIMENSIONS.get(ip_set.type, ())
        if len(directions) < len(dimensions):
            return _outside
        if ip_set.type == LIST:
            return any_of([self._listed(str(member.parts[0]), directions) for member in ip_set.members])
        inside = _by_device(ip_set, directions) if "iface" in dimensions else _by_header(ip_set, directions)
        return lambda flow: inside(flow) if flow.version == ip_set.version else Split(outside=(flow,))

    def _listed(self, name: str, directions: tuple[str, ...]) -> Test:
        """Return the condition of a set that another lists; the kernel has no lists of lists, a record may."""
        ip_set = self._sets.get(name)
        return _doubt if ip_set is None or ip_set.type == LIST else self._compiled(name, directions)


def _doubt(flow: Flow) -> Split:
    return Split(doubtful=(flow,))


def _outside(flow: Flow) -> Split:
    return Split(outside=(flow,))


def _by_header(ip_set: IpSet, directions: Sequence[str]) -> Test:
    """Return the condition of a set without devices: of members that hold packets the narrowest decides."""
    field = _address_field(directions[0])
    if len(DIMENSIONS[ip_set.type]) == 1:
        wanted = union((first, last) for first, last, nomatch in _networks(ip_set.members) if not nomatch)
        return lambda flow: cut(flow, field, wanted)
    if not any(member.nomatch for member in ip_set.members):
        return any_of([_product_test(product) for product in _grouped(ip_set.members, directions)])
    members = [
        (_product_test(product), member.nomatch)
        for member in sorted(ip_set.members, key=_narrowest_first)
        for product in _product(member.parts, directions)
    ]
    return lambda flow: _first_of(members, flow)


def _address_field(direction: str) -> Field:
    return SOURCE if direction == _SOURCE else DESTINATION


def _networks(members: Iterable[Member]) -> Iterator[tuple[int, int, bool]]:
    parts = ((member.parts[0], member.nomatch) for member in members)
    return narrowest((prefix, nomatch) for prefix, nomatch in parts if isinstance(prefix, Prefix))


def _product_test(product: _Product) -> Test:
    tests: list[Test] = [_cutting(field, wanted) for field, wanted in product]
    return lambda flow: split_by(tests, flow)


def _cutting(field: Field, wanted: Intervals) -> Test:
    return lambda flow: cut(flow, field, wanted)


def _grouped(members: Iterable[Member], directions: Sequence[str]) -> Iterator[_Product]:
    """Return members as products, those in one that differ in their first network only."""
    groups: dict[_Product, list[tuple[int, int]]] = {}
    field = _address_field(directions[0])
    for member in members:
        for product in _product(member.parts, directions):
            (_, (first, last)), *rest = product
            groups.setdefault(tuple(rest), []).append((first, last))
    return (((field, union(pairs)), *rest) for rest, pairs in groups.items())


def _product(parts: Iterable[Part], directions: Sequence[str]) -> Iterator[_Product]:
    """Return what packets are a member, none if no packet can be."""
    conditions: list[tuple[Field, Intervals]] = []
    for part, direction in zip(parts, directions, strict=False):
        if isinstance(part, Port) and part.number and part.protocol not in (*_WITH_PORTS, ICMP, ICMPV6):
            return
        conditions += [*_port(part, direction)] if isinstance(part, Port) else _network(part, direction)
    yield tuple(conditions)


def _network(part: Part, direction: str) -> _Product:
    return ((_address_field(direction), of_prefix(part)),) if isinstance(part, Prefix) else ()


def _port(port: Port, direction: str) -> Iterator[tuple[Field, Intervals]]:
    """Ask for a port (ip_set_getport.c): what has no ports counts as port 0, and is one of its protocol."""
    if port.protocol in _WITH_PORTS and direction == _SOURCE:
        yield SERVICE, services([port.protocol])
        yield SPORT, only(port.number)
    elif port.protocol in (*_WITH_PORTS, ICMP, ICMPV6):
        yield SERVICE, services([port.protocol], only(port.number))
    else:
        yield SERVICE, services([port.protocol])


def _narrowest_first(member: Member) -> tuple[object, ...]:
    networks = [part for part in member.parts if isinstance(part, Prefix)]
    return ([-network.length for network in networks], networks, str(member))


def _first_of(members: Sequence[tuple[Test, bool]], flow: Flow) -> Split:
    """Split a flow by the first member that holds packets, which is an exception or not."""
    result = Split()
    here = [flow]
    for test, nomatch in members:
        splits = [test(part) for part in here]
        for split in splits:
            decided = Split(split.inside).unless(nomatch)
            result = Split(*(one + other for one, other in zip(result, decided, strict=True)))
            result = result._replace(doubtful=result.doubtful + split.doubtful)
        here = [part for split in splits for part in split.outside]
    return result._replace(outside=(*result.outside, *here))


def _by_device(ip_set: IpSet, directions: Sequence[str]) -> Test:
    """Return the condition of a set of networks with devices.

    A network that holds packets decides on them, though no device of it is theirs (hash_netiface4_data_equal).
    """
    field, by_source = _address_field(directions[0]), directions[1] == _SOURCE
    members: dict[Part, list[Member]] = {}
    for member in ip_set.members:
        members.setdefault(member.parts[0], []).append(member)
    networks = list(narrowest((part, alike) for part, alike in members.items() if isinstance(part, Prefix)))

    @cache
    def decided(device: str) -> tuple[Intervals, Intervals]:
        """Return the addresses of packets of a device that are inside, and those that may be."""
        answers = [(first, last, _of_device(alike, device)) for first, last, alike in networks]
        inside = union((first, last) for first, last, answer in answers if answer)
        return inside, union((first, last) for first, last, answer in answers if answer is None)

    every = union((first, last) for first, last, _ in networks)

    def test(flow: Flow) -> Split:
        device = flow.iif if by_source else flow.oif
        unknown = device is None or (flow.other_oif and not by_source)
        inside, doubtful = ((), every) if unknown or device is None else decided(device)
        split, rest = cut(flow, field, inside), Split()
        if doubtful:
            for part in split.outside:
                rest = cut(part, field, doubtful)
            return Split(split.inside, split.doubtful + rest.inside + rest.doubtful, rest.outside)
        return split

    return test


def _of_device(members: Iterable[Member], device: str) -> bool | None:
    """Say whether packets of a device are inside by the members of the network that decides; None if they disagree."""
    fitting = {
        not member.nomatch
        for member in members
        if device != NO_DEVICE and interface_matches(str(member.parts[1]), device)
    }
    return None if len(fitting) > 1 else fitting == {True}
