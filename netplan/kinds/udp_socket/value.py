"""A UDP socket of a program, as far as a tunnel can't have the same port."""

from __future__ import annotations

from msgspec import Struct

from netplan.kinds.link.value import Vxlan


class UdpSocket(Struct, frozen=True):
    """A program's socket: its port, the IP versions whose packets it takes, and the program with its process."""

    port: int
    versions: frozenset[int]
    program: str

    def shuts_out(self, vxlan: Vxlan) -> bool:
        """Whether the kernel does not let a tunnel come up while the socket is open, whatever address that is bound to.

        Nor does it matter by which device it receives, or whether it shares its port with other sockets.
        """
        return self.port == vxlan.port and (4 if vxlan.local is None else vxlan.local.version) in self.versions
