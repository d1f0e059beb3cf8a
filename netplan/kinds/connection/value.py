"""A tracked connection: who opened it to whom, and the source address under which it goes out."""

from __future__ import annotations

from msgspec import Struct

from netplan.net import Address


class Connection(Struct, frozen=True):
    """A connection of conntrack, from its first packet's source to its destination.

    `answered_to` is where answers go: another address than the source if that was rewritten; `answered_by` is who sends
    them: another than the destination if that was. `identity` names the connection to the kernel.
    """

    source: Address
    destination: Address
    answered_to: Address
    answered_by: Address
    identity: bytes = b""

    @property
    def masked(self) -> bool:
        """Whether it goes out under another source address, and to the destination that was asked for."""
        return self.answered_to != self.source and self.answered_by == self.destination

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} as {self.answered_to}"
