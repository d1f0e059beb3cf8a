"""The cluster as the compiler sees it: nodes with their addresses and pod subnets, and the segments they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from msgspec import Struct

from netplan.errors import Location
from netplan.net import BITS, Address, IfName, InterfaceAddress, Prefix, collapsed

USUAL_MTU: Final = 1500
"""The largest packet that an interface carries, in bytes, where nothing else is known of it."""

AUTO: Final = IfName("auto")
"""The interface of a node whose spec leaves it to the node's devices: the one that holds its address."""


def in_words(address: Address) -> IfName:
    """Return the words that stand for the interface of a node whose devices, which could name it, are not at hand."""
    return IfName(f"(that of {address})")


def is_unnamed(interface: IfName) -> bool:
    """Whether a node's interface is `AUTO`, or words: no device has a name like these."""
    return interface == AUTO or interface.startswith("(")


class Node(Struct, frozen=True):
    """A host of the cluster: its addresses on the underlay, its leases of the pod networks, its devices.

    It has at most one address and one subnet of each IP version, and IPv4's come first. `mtu` is the interface's, and
    `mtu_assumed` where the spec leaves it to the interface, which is not at hand; `public_address` is where peers send
    to if that is not its own address.
    """

    name: str
    addresses: tuple[InterfaceAddress, ...]
    subnets: tuple[Prefix, ...]
    interface: IfName
    bridge: IfName
    at: Location
    mtu: int = USUAL_MTU
    public_address: Address | None = None
    mtu_assumed: bool = False

    @property
    def address(self) -> InterfaceAddress:
        """The address that the node is known by, and that a tunnel's packets carry."""
        return self.addresses[0]

    @property
    def endpoint(self) -> Address:
        """The address that a peer on another segment sends to."""
        return self.public_address or self.address.address

    @property
    def segment(self) -> Prefix:
        """The on-link prefix of the node's address; nodes of one segment reach each other without a router."""
        return self.address.prefix

    def address_of(self, version: int) -> InterfaceAddress | None:
        """Return the node's address of an IP version."""
        return next((own for own in self.addresses if own.address.version == version), None)

    def subnet_of(self, version: int) -> Prefix | None:
        """Return the node's part of the pod network of an IP version."""
        return next((subnet for subnet in self.subnets if subnet.version == version), None)

    def gateway(self, subnet: Prefix) -> InterfaceAddress:
        """Return the bridge's address in one of the node's subnets, its first: the one that pods send through."""
        return InterfaceAddress(subnet.host(1), subnet.length)


class Topology(Struct, frozen=True, dict=True):
    """A cluster's nodes over one pod network, or one of each IP version, in the order of the spec."""

    cluster: str
    networks: tuple[Prefix, ...]
    nodes: tuple[Node, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by their names."""
        return {node.name: node for node in self.nodes}

    def peers(self, node: Node) -> Iterator[Node]:
        """Every other node, in the order of the spec."""
        return (other for other in self.nodes if other.name != node.name)

    @cached_property
    def underlay(self) -> Mapping[int, tuple[Prefix, ...]]:
        """The addresses of all nodes, as few prefixes, by their IP version."""
        addresses = [own.address for node in self.nodes for own in node.addresses]
        return {
            version: tuple(collapsed(version, (address.value for address in addresses if address.version == version)))
            for version in BITS
        }

    @cached_property
    def segments(self) -> Mapping[Prefix, tuple[Node, ...]]:
        """The nodes of each segment, in the order of the spec."""
        members: dict[Prefix, list[Node]] = {}
        for node in self.nodes:
            members.setdefault(node.segment, []).append(node)
        return {segment: tuple(nodes) for segment, nodes in members.items()}
