"""Which subnets nodes may lease, with flannel's defaults and refusals, and the lowest ones that are free.

A lease is never moved: a node that asks for one is given what is free. Nodes are served in the order of their names, so
that the order in which a file lists them does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from netplan.net import Address, InterfaceAddress, Prefix


class _Family(Struct, frozen=True):
    """flannel's limits: prefix lengths."""

    usual: int  # of a node's subnet, where the network is large enough
    roomy: int  # the smallest network that is
    smallest: int  # the smallest network that can be cut into four subnets
    longest: int  # of a node's subnet


_FAMILIES: Final = {4: _Family(24, 22, 28, 30), 6: _Family(64, 62, 124, 126)}


def default_subnet_len(network: Prefix) -> int:
    """Return the length of the nodes' subnets where the spec names none: flannel's rule."""
    family = _FAMILIES[network.version]
    return family.usual if network.length <= family.roomy else network.length + 2


class LeaseRange(Struct, frozen=True):
    """The subnets of one length that nodes may lease, by the first addresses of the first and the last of them."""

    length: int
    first: Address
    last: Address

    @classmethod
    def of(
        cls,
        network: Prefix,
        length: int | None = None,
        first: Address | None = None,
        last: Address | None = None,
    ) -> LeaseRange:
        """Return the range of a pod network; without bounds it is all of it but the very first subnet.

        ValueError says what is wrong, as flannel does: a network too small, a length that leaves less than four
        subnets or none of four addresses, bounds outside the network or off a subnet's boundary. Bounds in the wrong
        order are refused too.
        """
        family = _FAMILIES[network.version]
        if network.length > family.smallest:
            raise ValueError(f"{network} is too small for a pod network: take a /{family.smallest} or larger")
        length = default_subnet_len(network) if length is None else length
        if not network.length + 2 <= length <= family.longest:
            allowed = f"from /{network.length + 2} to /{family.longest}"
            raise ValueError(f"subnets of /{length} do not fit into {network}: they are {allowed}")
        step = Prefix(network.version, network.value, length).size
        lease_range = cls(length, first or network.host(step), last or network.host(-step))
        lease_range._check(network)
        return lease_range

    def _check(self, network: Prefix) -> None:
        for bound in (self.first, self.last):
            if not network.contains(bound):
                raise ValueError(f"{bound} lies outside the pod network {network}")
            if InterfaceAddress(bound, self.length).prefix.address != bound:
                raise ValueError(f"{bound} is not the first address of a /{self.length}")
        if self.first > self.last:
            raise ValueError(f"{self.first} is above {self.last}: no subnet is left")

    @property
    def size(self) -> int:
        """How many subnets the range has."""
        return (self.last.value - self.first.value) // self._step + 1

    @property
    def _step(self) -> int:
        return Prefix(self.first.version, self.first.value, self.length).size

    def free(self, taken: Iterable[Prefix]) -> Iterator[Prefix]:
        """Return the subnets that overlap none of the taken ones, the lowest first."""
        version, step = self.first.version, self._step
        start, last = self.first.value, self.last.value
        for prefix in sorted(prefix for prefix in taken if prefix.version == version):
            while start <= last and start + step <= prefix.value:
                yield Prefix(version, start, self.length)
                start += step
            end = prefix.value + prefix.size
            start = max(start, -(-end // step) * step)
        while start <= last:
            yield Prefix(version, start, self.length)
            start += step


def allocate(names: Iterable[str], taken: Iterable[Prefix], within: LeaseRange) -> dict[str, Prefix]:
    """Return for each name the lowest free subnet; names for which none is left are missing in the result."""
    return dict(zip(sorted(set(names)), within.free(taken), strict=False))
