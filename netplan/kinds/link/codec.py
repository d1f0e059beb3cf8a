"""Network devices as messages of rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from netplan.kinds.link.value import VXLAN, Link, Vxlan
from netplan.net import IfName, LinkLayerAddress
from netplan.system.netlink.route import LINK, Message, address, deleting, making, u32
from netplan.system.netlink.wire import (
    CREATE,
    EXCLUSIVE,
    Attributes,
    Request,
    attribute,
    attributes,
    number_attribute,
    text,
)

# IFLA_*, linux/if_link.h
_ADDRESS: Final = 1
_IFNAME: Final = 3
_MTU: Final = 4
_LINKINFO: Final = 18
_IFALIAS: Final = 20
_EXT_MASK: Final = 29
_INFO_KIND: Final = 1
_INFO_DATA: Final = 2
_VXLAN_ID: Final = 1
_VXLAN_LINK: Final = 3
_VXLAN_LOCAL: Final = {4: 4, 6: 17}
_VXLAN_LEARNING: Final = 7
_VXLAN_PORT: Final = 15
_VXLAN_EXCLUSIVE: Final = (20, 22, 23, 24, 25, 27, 30)
"""UDP_ZERO_CSUM6_RX, REMCSUM_RX, GBP, REMCSUM_NOPARTIAL, COLLECT_METADATA, GPE, VNIFILTER: VXLAN_F_RCV_FLAGS."""

_SKIP_STATS: Final = 0x8
_UP: Final = 0x1

ALL: Final = (0, 0, 0, 0, 0)
"""The fields of the message that asks for every device."""

BRIEFLY: Final = number_attribute(_EXT_MASK, _SKIP_STATS)
"""The attribute that asks for devices without their counters."""


def index(message: Message) -> int:
    """Return the index of a device."""
    number: int = message.fields[2]
    return number


def name(message: Message) -> IfName:
    """Return the name of a device."""
    return IfName(text(message.attributes[_IFNAME]))


def named(device: IfName) -> bytes:
    """Return the message that asks for one device by its name."""
    return LINK.header.pack(*ALL) + attribute(_IFNAME, device.encode("utf-8", "surrogateescape") + b"\0")


def decode(message: Message, names: Mapping[int, IfName]) -> Link:
    """Read a device; `names` gives the names of all by their indexes."""
    data = message.attributes
    info = attributes(data.get(_LINKINFO, b""))
    type_ = text(info.get(_INFO_KIND, b""))
    tunnel = type_ == VXLAN
    return Link(
        name=names[index(message)],
        mtu=u32(data[_MTU]),
        up=bool(message.fields[3] & _UP),
        alias=text(data.get(_IFALIAS, b"")),
        type=type_,
        lladdr=LinkLayerAddress(data[_ADDRESS].hex(":")) if tunnel else None,
        vxlan=_vxlan(attributes(info[_INFO_DATA]), names) if tunnel else None,
    )


def _vxlan(data: Attributes, names: Mapping[int, IfName]) -> Vxlan:
    local = data.get(_VXLAN_LOCAL[4]) or data.get(_VXLAN_LOCAL[6])
    return Vxlan(
        vni=u32(data[_VXLAN_ID]),
        port=int.from_bytes(data[_VXLAN_PORT], "big"),
        local=None if local is None else address(local),
        device=names.get(u32(data[_VXLAN_LINK])) if _VXLAN_LINK in data else None,
        learning=any(data.get(_VXLAN_LEARNING, b"")),
        exclusive=any(name in data and any(data[name] or b"\1") for name in _VXLAN_EXCLUSIVE),
    )


def encode_new(link: Link, vxlan: Vxlan, below: int | None) -> Request:
    """Return the request that makes a VXLAN device; `below` is the index of the device that its packets leave by."""
    data = number_attribute(_VXLAN_ID, vxlan.vni) + attribute(_VXLAN_PORT, vxlan.port.to_bytes(2, "big"))
    data += attribute(_VXLAN_LEARNING, bytes([vxlan.learning]))
    if vxlan.local is not None:
        data += attribute(_VXLAN_LOCAL[vxlan.local.version], vxlan.local.packed)
    if below is not None:
        data += number_attribute(_VXLAN_LINK, below)
    info = attribute(_INFO_KIND, VXLAN.encode()) + attribute(_INFO_DATA, data, nested=True)
    content = attribute(_IFNAME, link.name.encode() + b"\0") + _lladdr(link) + attribute(_LINKINFO, info, nested=True)
    return making(LINK, CREATE | EXCLUSIVE, ALL, content)


def changed(before: Link | None, after: Link, number: int) -> Request:
    """Return the request that changes what can be set while a device exists, where it is not as it should be."""
    content = b""
    if before is None or before.alias != after.alias:
        content += attribute(_IFALIAS, after.alias.encode())
    if before is None or before.mtu != after.mtu:
        content += number_attribute(_MTU, after.mtu)
    if before is None or before.lladdr != after.lladdr:
        content += _lladdr(after)
    change = _UP if before is None or before.up != after.up else 0
    flags = change if after.up else 0  # flags without a change of them would be taken for all that the device has
    return making(LINK, 0, (0, 0, number, flags, change), content)


def encode_delete(number: int) -> Request:
    """Return the request that deletes the device of an index."""
    return deleting(LINK, (0, 0, number, 0, 0), b"")


def _lladdr(link: Link) -> bytes:
    return b"" if link.lladdr is None else attribute(_ADDRESS, bytes.fromhex(link.lladdr.replace(":", "")))
