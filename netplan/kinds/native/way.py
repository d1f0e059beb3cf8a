"""A rule of nftables as it is read, instruction by instruction: what its registers hold, what it has become already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from netplan.kinds.native.condition import Conditions
from netplan.kinds.native.load import Load

SLOT: Final = 4
"""How many bytes a slot has: registers of sixteen bytes overlap those of four."""


class Way(Struct, frozen=True):
    """A rule as it is for some packets, until one of its instructions: `said` are rules that it has become already.

    `held` is what the registers have, by slots of four bytes: what was loaded, or data.
    """

    conditions: Conditions
    held: Mapping[int, Load | bytes | None] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    ended: bool = False
    chain: str = ""

    def texts(self) -> Iterator[str]:
        """Give the rules; none if no packet meets them."""
        if self.conditions.impossible:
            return
        yield from self.said
        if not self.said:
            yield str(self.conditions)

    def acting(self, target: str) -> Way:
        """Give the rule with a target that lets packets go on."""
        return replace(self, said=(*self.said, f"{self.conditions} {target}"))

    def ending(self, target: str, chain: str = "") -> Way:
        """Give the rule with its last target."""
        return replace(self.acting(target), ended=True, chain=chain)

    def vague(self) -> Way:
        """Give the rule with a condition that iptables can't say."""
        return replace(self, conditions=self.conditions.vague())

    def holding(self, register: int, value: Load | bytes | None) -> Way:
        """Give the rule with something in a register."""
        held, first = dict(self.held), slot(register)
        if isinstance(value, bytes):
            for at in range(0, len(value), SLOT):
                held[first + at // SLOT] = value[at : at + SLOT]
        else:
            held[first] = value
        return replace(self, held=held)

    def load(self, register: int) -> Load | None:
        """Give what was loaded into a register."""
        found = self.held.get(slot(register))
        return found if isinstance(found, Load) else None

    def data(self, register: int, length: int) -> bytes | None:
        """Give the data in a register, None if it depends on the packet or is shorter."""
        first = slot(register)
        parts = [self.held.get(first + number) for number in range(-(-length // SLOT))]
        found = b"".join(part for part in parts if isinstance(part, bytes))
        return found[:length] if len(found) >= length else None


def slot(register: int) -> int:
    """Give the number of the four bytes at which a register begins: the first ones are of sixteen bytes each."""
    return (register - 1) * 4 if register <= 4 else register - 8
