"""Network devices in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netplan.kinds.link.value import VXLAN, Link, Vxlan
from netplan.net import Address, IfName, LinkLayerAddress
from netplan.resource import Change, refused

_IFF_UP: Final = 0x1

_MEANING: Final = {
    errno.EADDRINUSE: "another program has its UDP port",
    errno.EEXIST: "there is a device of this name, or a vxlan device of this VNI and port",
    errno.EINVAL: "the kernel finds it contradictory; is the MTU at most that of the interface, less 50?",
    errno.EOPNOTSUPP: "the kernel has no vxlan: modprobe vxlan",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}


def observe(netlink: IPRoute) -> dict[int, Link]:
    """Read every device of the network namespace, by its index."""
    messages = tuple(netlink.get_links())
    names = {message["index"]: IfName(message.get_attr("IFLA_IFNAME")) for message in messages}
    return {message["index"]: _link(message, names) for message in messages}


def _link(message: Any, names: Mapping[int, IfName]) -> Link:  # noqa: ANN401 - pyroute2's messages have no types
    type_ = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or ""
    tunnel = type_ == VXLAN
    return Link(
        name=names[message["index"]],
        mtu=int(message.get_attr("IFLA_MTU")),
        up=bool(message["flags"] & _IFF_UP),
        alias=message.get_attr("IFLA_IFALIAS") or "",
        type=type_,
        lladdr=LinkLayerAddress(message.get_attr("IFLA_ADDRESS")) if tunnel else None,
        vxlan=_vxlan(message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA"), names) if tunnel else None,
    )


def _vxlan(data: Any, names: Mapping[int, IfName]) -> Vxlan:  # noqa: ANN401 - pyroute2's messages have no types
    local = data.get_attr("IFLA_VXLAN_LOCAL") or data.get_attr("IFLA_VXLAN_LOCAL6")
    return Vxlan(
        vni=data.get_attr("IFLA_VXLAN_ID"),
        port=data.get_attr("IFLA_VXLAN_PORT"),
        local=None if local is None else Address.parse(local),
        device=names.get(data.get_attr("IFLA_VXLAN_LINK")),
        learning=bool(data.get_attr("IFLA_VXLAN_LEARNING")),
    )


def write(netlink: IPRoute, change: Change[Link]) -> None:
    """Create, change or delete one device; one that is gone already needs no delete.

    A device that can't become the one wanted is deleted first, with all that stands on it. A new one is marked as ours
    right after it has been made.
    """
    before, after = change.before, change.after
    changed = before is not None and after is not None and before.can_become(after)
    made = {} if after is None or changed else _arguments(netlink, change, after)
    try:
        if before is not None and not changed:
            _delete(netlink, before.name)
        if after is not None and not changed:
            netlink.link("add", **made)
        if after is not None:
            known = _settings(before) if before is not None and changed else {}
            settings = {name: value for name, value in _settings(after).items() if known.get(name) != value}
            netlink.link("set", index=_index(netlink, after.name), **settings)
    except NetlinkError as error:
        raise refused(change, _MEANING.get(error.code, str(error))) from error


def _settings(link: Link) -> dict[str, Any]:
    """Give what can be set while a device exists."""
    return {
        "IFLA_IFALIAS": link.alias,
        "mtu": link.mtu,
        "address": link.lladdr,
        "state": "up" if link.up else "down",
    }


def _arguments(netlink: IPRoute, change: Change[Link], link: Link) -> dict[str, Any]:
    """Give what a new device is made with."""
    if link.vxlan is None:
        raise refused(change, "podnet makes no devices of this type")
    arguments: dict[str, Any] = {
        "ifname": link.name,
        "address": link.lladdr,
        "kind": VXLAN,
        "vxlan_id": link.vxlan.vni,
        "vxlan_port": link.vxlan.port,
        "vxlan_learning": link.vxlan.learning,
    }
    local, device = link.vxlan.local, link.vxlan.device
    if local is not None:
        arguments["vxlan_local" if local.version == 4 else "vxlan_local6"] = str(local)
    if device is not None:
        arguments["vxlan_link"] = _index(netlink, device)
        if arguments["vxlan_link"] is None:
            raise refused(change, f"there is no interface {device}")
    return arguments


def _delete(netlink: IPRoute, name: IfName) -> None:
    index = _index(netlink, name)
    if index is None:
        return
    try:
        netlink.link("del", index=index)
    except NetlinkError as error:
        if error.code != errno.ENODEV:  # already gone is what we wanted
            raise


def _index(netlink: IPRoute, name: IfName) -> int | None:
    return next(iter(netlink.link_lookup(ifname=name)), None)
