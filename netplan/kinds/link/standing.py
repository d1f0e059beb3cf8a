"""Writing what stands on a device, such as its addresses: it goes with the device, and then needs no delete."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Final

from pyroute2.netlink.exceptions import NetlinkError

from netplan.net import IfName
from netplan.resource import Change, R_co, refused

_GONE: Final = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT)
_MEANING: Final = {
    errno.EOPNOTSUPP: "a device of this type holds no such thing",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}


def write_on(
    link: IfName, indexes: Mapping[IfName, int], change: Change[R_co], send: Callable[[str, int], object]
) -> None:
    """Create, replace or delete one object: `send` asks the kernel to `replace` or `del` it on the device of an index.

    KernelError names the object if the kernel refuses; one that is gone already needs no delete.
    """
    leaves = change.after is None
    if link not in indexes and leaves:
        return
    if link not in indexes:
        raise refused(change, f"there is no interface {link}")
    try:
        send("del" if leaves else "replace", indexes[link])
    except NetlinkError as error:
        if not leaves or error.code not in _GONE:
            raise refused(change, _MEANING.get(error.code, str(error))) from error
