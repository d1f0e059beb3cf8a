"""A table of nftables that iptables may have made: what is in it, and how it goes (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

import errno

from msgspec import Struct

from netplan.errors import KernelError
from netplan.netfilter.nftables.expression import terminated
from netplan.netfilter.nftables.family import FAMILIES
from netplan.system.netlink import netfilter
from netplan.system.netlink.netfilter import NFTABLES, number
from netplan.system.netlink.wire import attribute

_GET, _DELETE = 1, 2
_NAME, _FLAGS, _USES, _USER_DATA, _OWNER = 1, 2, 3, 6, 7


class Table(Struct, frozen=True):
    """A table: `uses` counts its chains, sets, objects and flowtables.

    `plain` is one without flags, a comment or other user data, and a program that owns it: iptables makes such tables.
    """

    uses: int
    plain: bool


def table_name(version: int, table: str) -> str:
    """Return the name of a table of an IP version as nft(8) writes it: `ip nat`."""
    return f"{FAMILIES[version].name} {table}"


def read(version: int, table: str) -> Table | None:
    """Return a table of an IP version, None if it is not there; ObserveError if the kernel won't tell."""
    attributes = netfilter.get(NFTABLES, _GET, FAMILIES[version].number, attribute(_NAME, terminated(table)))
    if not attributes:
        return None
    plain = not number(attributes.get(_FLAGS, b"")) and not attributes.keys() & {_USER_DATA, _OWNER}
    return Table(number(attributes.get(_USES, b"")), plain)


def delete(version: int, table: str, generation: bytes) -> bool:
    """Delete a table with all that is in it; False if nftables has changed since a generation, and nothing is done.

    KernelError if the kernel refuses.
    """
    name = attribute(_NAME, terminated(table))
    try:
        return netfilter.transact(NFTABLES, generation, _DELETE, FAMILIES[version].number, name)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return True
        label = table_name(version, table)
        raise KernelError(f"table {label} can't be deleted: {error.strerror or error}") from error
