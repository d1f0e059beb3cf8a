"""What differs between the IP versions in what nftables compares and answers: headers, numbers, ICMP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from netplan.netfilter.iptables.names import ICMP, ICMPV6

Fields = tuple[tuple[str, int, int], ...]
"""The fields of a header that iptables has words for: name, offset and size in bytes."""

TRANSPORT_FIELDS: Final[Fields] = (("sport", 0, 2), ("dport", 2, 2))


class Family(Struct, frozen=True):
    """An IP version as nftables sees it.

    `number` is the kernel's, `name` nft(8)'s. `icmp` is the protocol, the match and its option; `refusals` and
    `refusals_of_any` are REJECT's answers by the codes of that ICMP and by those for both versions (icmpx).
    """

    version: int
    number: int
    name: str
    ethertype: bytes
    header: Fields
    icmp: tuple[int, str, str]
    refusals: Mapping[int, str]
    refusals_of_any: tuple[str, ...]

    @property
    def addresses(self) -> range:
        """Where in the header the two addresses stand."""
        source = next(offset for name, offset, _ in self.header if name == "source")
        return range(source, source + 2 * self.address_size)

    @property
    def address_size(self) -> int:
        """How many bytes an address has."""
        return 4 if self.version == 4 else 16


FAMILIES: Final = {
    4: Family(
        version=4,
        number=2,
        name="ip",
        ethertype=b"\x08\x00",
        header=(
            ("protocol", 9, 1), ("source", 12, 4), ("destination", 16, 4), ("length", 2, 2), ("ttl", 8, 1),
        ),
        icmp=(ICMP, "icmp", "icmp-type"),
        refusals={
            0: "icmp-net-unreachable", 1: "icmp-host-unreachable", 2: "icmp-proto-unreachable",
            3: "icmp-port-unreachable", 9: "icmp-net-prohibited", 10: "icmp-host-prohibited",
            13: "icmp-admin-prohibited",
        },
        refusals_of_any=(
            "icmp-net-unreachable", "icmp-port-unreachable", "icmp-host-unreachable", "icmp-admin-prohibited",
        ),
    ),
    6: Family(
        version=6,
        number=10,
        name="ip6",
        ethertype=b"\x86\xdd",
        header=(("protocol", 6, 1), ("source", 8, 16), ("destination", 24, 16), ("hl", 7, 1)),
        icmp=(ICMPV6, "icmp6", "icmpv6-type"),
        refusals={
            0: "icmp6-no-route", 1: "icmp6-adm-prohibited", 3: "icmp6-addr-unreachable", 4: "icmp6-port-unreachable",
            5: "icmp6-policy-fail", 6: "icmp6-reject-route",
        },
        refusals_of_any=(
            "icmp6-no-route", "icmp6-port-unreachable", "icmp6-addr-unreachable", "icmp6-adm-prohibited",
        ),
    ),
}  # fmt: skip
"""The families by IP version."""


def versions_of(family: str) -> tuple[int, ...]:
    """Return the IP versions of whose packets a family's tables hear: of its own, or of both."""
    return tuple(version for version, candidate in FAMILIES.items() if candidate.name == family) or tuple(FAMILIES)
