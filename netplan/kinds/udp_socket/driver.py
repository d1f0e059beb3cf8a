"""UDP sockets of programs, by sock_diag(7), and whose they are, by the open files in /proc."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Final

from netplan.kinds.udp_socket import codec
from netplan.kinds.udp_socket.value import UdpSocket
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import SOCK_DIAG, UnsettledError

_PROC: Final = Path("/proc")
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")


def observe(ports: Collection[int]) -> tuple[UdpSocket, ...]:
    """Return the sockets that programs have on some ports.

    Those of the kernel itself, such as a tunnel's in another network namespace, are none of them: a tunnel may share
    its port with them. None is known where the kernel does not tell of sockets, or whose they are.
    """
    entries = {entry.inode: (port, entry) for port in ports for entry in _entries(port)}
    owners = _owners(entries.keys()) if entries else {}
    return tuple(
        UdpSocket(port, entry.versions, owners[inode]) for inode, (port, entry) in entries.items() if inode in owners
    )


def _entries(port: int) -> Iterator[codec.SocketEntry]:
    with suppress(OSError, UnsettledError), Channel(SOCK_DIAG) as channel:
        for version in codec.FAMILIES:
            yield from map(codec.decode, channel.dump(codec.DUMP, codec.request(version, port)))


def _owners(inodes: AbstractSet[int]) -> dict[int, str]:
    """Return the programs that have sockets open, by the inodes of these."""
    owners: dict[int, str] = {}
    for process in _PROC.iterdir():
        if process.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile, or is another user's
                for inode in inodes & _opened(process):
                    owners.setdefault(inode, f"{(process / 'comm').read_text().strip()} (process {process.name})")
    return owners


def _opened(process: Path) -> set[int]:
    """Return the inodes of the sockets that a process has open."""
    inodes: set[int] = set()
    for entry in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            link = _SOCKET.fullmatch(str(entry.readlink()))
            inodes |= {int(link[1])} if link else set()
    return inodes
