"""Which peers stand for all in a trace: the first ones, and one each of those that are not like these.

Peers are alike that are reached by the same device, and of which the same prefixes hold the subnet and the address,
out of those that the state of a node names.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from netplan.desired.model import Traffic
from netplan.kinds.route.value import Route
from netplan.net import BITS, Address, IfName, InterfaceAddress, Prefix
from netplan.netfilter.iptables.operands import AddressMask
from netplan.planning.traffic.selection import Places, Span
from netplan.spec.topology import Node

FEW: Final = 4
"""How many of the peers stand for all where nothing tells them apart."""
MOST: Final = 64
"""How many peers are traced at most, of one IP version, besides the first ones."""

Placed = tuple[Prefix, Node]


class Alike(NamedTuple):
    """How many peers are not traced that are like some which are; of these the `first` is named."""

    first: str
    untraced: int


class Left(NamedTuple):
    """Peers for which no other stands: the first of them, None if there is none, and how many they are."""

    node: Node | None = None
    number: int = 0


class Choice(NamedTuple):
    """The peers to trace, for whom each stands besides, by its name, and those who are left."""

    nodes: tuple[Node, ...]
    alike: dict[str, Alike]
    left: Left = Left()


class Peers:
    """The peers with which a node has traffic of one IP version; `routes` lead to their subnets."""

    def __init__(self, traffic: Traffic, routes: Mapping[Prefix, Route]) -> None:
        self._traffic = traffic
        name, version = traffic.node.name, traffic.version
        others = (node for node in traffic.nodes if node.name != name)
        found = [(prefix, node) for node in others for prefix in node.subnets if prefix.version == version]
        self._groups = _by_device(found, routes)
        few = found[:FEW]
        self._first = [*few, *(group[0] for group in self._groups if group and group[0] not in few)]

    @property
    def first(self) -> Choice:
        """Those that stand for all where nothing is known of the node: the first ones, and one for each device."""
        return Choice(tuple(node for _, node in self._first), {})

    def chosen(self, named: Collection[AddressMask]) -> Choice:
        """Choose those that stand for all, where a node's state names some addresses."""
        mine = [each for each in named if each.mask and each.version == self._traffic.version]
        beyond = beyond_pods(self._traffic, mine)
        by_address = choose_by_address(self._addressed(), self.first.nodes, beyond, MOST) if beyond else self.first
        added = by_address.nodes[len(self._first) :]
        first = [*self._first, *self._placed(added)]
        found = choose([Places(group) for group in self._groups], mine, first, MOST - len(added))
        node, number = by_address.left
        return found._replace(left=Left(node or found.left.node, number + found.left.number))

    def _addressed(self) -> list[tuple[Address, Node]]:
        version = self._traffic.version
        nodes = (node for group in self._groups for _, node in group)
        return [(each.address, node) for node in nodes for each in node.addresses if each.address.version == version]

    def _placed(self, nodes: Iterable[Node]) -> list[Placed]:
        version = self._traffic.version
        return [(prefix, node) for node in nodes for prefix in node.subnets if prefix.version == version]


def _by_device(found: Sequence[Placed], routes: Mapping[Prefix, Route]) -> Sequence[Sequence[Placed]]:
    """Sort peers by the device that leads to them."""
    if len({route.oif for route in routes.values()}) <= 1:
        return (found,)
    groups: dict[IfName | None, list[Placed]] = {}
    for each in found:
        route = routes.get(each[0])
        groups.setdefault(None if route is None else route.oif, []).append(each)
    return tuple(groups.values())


def beyond_pods(traffic: Traffic, named: Iterable[AddressMask]) -> list[AddressMask]:
    """Return the addresses that may be nodes': not those of pods, nor a whole segment that the node is on."""
    segments = {address.prefix for address in traffic.node.addresses}
    found = ((each, each.prefix) for each in named if each.mask)
    return [
        each for each, prefix in found if prefix is None or not (prefix in segments or traffic.network.covers(prefix))
    ]


def standing_for(nodes: tuple[Node, ...], count: int) -> Choice:
    """Choose nodes where nothing tells all so many apart."""
    more = Alike(nodes[0].name, count - len(nodes)) if count > len(nodes) > 0 else None
    return Choice(nodes, {} if more is None else {node.name: more for node in nodes})


def choose_by_address(
    found: Sequence[tuple[Address, Node]], first: Sequence[Node], named: Collection[AddressMask], most: int
) -> Choice:
    """Choose nodes that are not alike by their addresses, the first ones before all; `most` more at most."""
    by_address = dict(reversed(found))
    places = [(InterfaceAddress(address, BITS[address.version]).prefix, node) for address, node in by_address.items()]
    names = {node.name for node in first}
    chosen = choose([Places(places)], named, [each for each in places if each[1].name in names], most)
    added = [node for node in chosen.nodes if node.name not in names]
    return chosen._replace(nodes=(*first, *added))


def choose(groups: Sequence[Places], named: Collection[AddressMask], first: Sequence[Placed], most: int) -> Choice:
    """Choose nodes from groups that are not alike, the first ones before all, and one of those alike; `most` more."""
    added: list[Node] = []
    alike: dict[str, Alike] = {}
    left: list[Left] = []
    for places in groups:
        sizes, starts, traced = Counter[Span](), dict[Span, int](), dict[Span, list[str]]()
        pieces = places.pieces(named)
        for start, stop, span in pieces:
            sizes[span] += stop - start
            starts.setdefault(span, start)
        begin = [piece.start for piece in pieces]
        for prefix, node in first:
            number = places.number(prefix)
            if number is not None:
                traced.setdefault(pieces[bisect_right(begin, number) - 1].span, []).append(node.name)
        for span, size in sizes.items():
            node = places.node(starts[span])
            if span not in traced and len(added) < most:
                added.append(node)
                traced[span] = [node.name]
            names = traced.get(span, [])
            if not names:
                left.append(Left(node, size))
            elif size > len(names):
                alike |= dict.fromkeys(names, Alike(names[0], size - len(names)))
    lost = Left(left[0].node, sum(each.number for each in left)) if left else Left()
    return Choice((*(node for _, node in first), *added), alike, lost)
