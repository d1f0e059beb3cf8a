"""The `ip` commands and sysctls that build a layout, in an order that the kernel accepts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct

from netplan.lab.layout import FLOOR, HostKind, Interface, Layout, Plug, Translation, Wiring
from netplan.topology import USUAL_MTU

_FLOOR_NAMESPACE: Final = "/proc/1/ns/net"

_FIRST_INDEX: Final = 2
_FIRST_PORT_INDEX: Final = 1001
"""Both ends of a cable must not have one interface index: the kernel takes no hurry then to tell a bridge that its port
has a carrier (`linkwatch_urgent_event`), and packets are lost for up to a second. It heeds both indexes or neither."""

_FLOOR_SYSCTLS: Final = ("net/bridge/bridge-nf-call-iptables=0", "net/ipv6/conf/default/disable_ipv6=1")
"""A switch has no address, and no packet filter sees what it forwards."""

_HOST_SYSCTLS: Final = (
    "net/ipv4/conf/all/rp_filter=0",
    "net/ipv4/conf/default/rp_filter=0",
    "net/ipv6/conf/default/accept_dad=0",
)
"""The kernel's own defaults, where a new namespace copies the machine's; and addresses that work at once."""

_ROUTER_SYSCTLS: Final = (
    "net/ipv4/ip_forward=1",
    "net/ipv6/conf/all/forwarding=1",
    "net/ipv4/conf/all/send_redirects=0",
    "net/ipv4/conf/default/send_redirects=0",
)

_NO_ROUTER_SYSCTLS: Final = ("net/ipv4/ip_forward=0", "net/ipv6/conf/all/forwarding=0")


class Setup(Struct, frozen=True):
    """What is done on one host at once: sysctls as `net/ipv4/ip_forward=1`, then commands for `ip -batch`.

    Then `rules` are appended to the table nat of each IP version.
    """

    host: str
    sysctls: tuple[str, ...]
    commands: tuple[str, ...]
    rules: Mapping[int, tuple[str, ...]] = {}


def setups(layout: Layout) -> Iterator[Setup]:
    """Give the setups that build a lab on an empty floor, in their order.

    A cable's far end is made with it, so pods come before the node whose bridge they are plugged in, and the
    switches' ports last.
    """
    ports = {plug: _FIRST_PORT_INDEX + number for number, plug in enumerate(layout.plugs())}
    yield Setup(FLOOR, _FLOOR_SYSCTLS, tuple(_ground(layout)))
    for wiring in sorted(layout.wirings, key=lambda wiring: wiring.kind != HostKind.POD):
        yield Setup(wiring.name, _sysctls(wiring.kind), tuple(_connect(wiring, ports)), _rules(wiring))
    yield Setup(FLOOR, (), tuple(_plug_in(FLOOR, ports)))


def _ground(layout: Layout) -> Iterator[str]:
    yield "link set lo up"
    for wiring in layout.wirings:
        yield f"netns add {wiring.name}"
    for switch in layout.switches:
        yield f"link add name {switch} type bridge"
        yield f"link set dev {switch} up"


def _sysctls(kind: HostKind) -> tuple[str, ...]:
    return (*_HOST_SYSCTLS, *(_ROUTER_SYSCTLS if kind is HostKind.ROUTER else _NO_ROUTER_SYSCTLS))


def _connect(wiring: Wiring, ports: Mapping[Plug, int]) -> Iterator[str]:
    yield "link set lo up"
    for index, interface in enumerate(wiring.interfaces, _FIRST_INDEX):
        mac = _mac("02:00", interface)
        yield f"link add index {index} name {interface.name} address {mac}{_mtu(interface)} {_type(interface, ports)}"
        for held in interface.addresses:
            yield f"address add {held} dev {interface.name}"
        yield f"link set dev {interface.name} up"
    for translation in wiring.translations:
        yield f"address add {translation.public} dev lo"
    yield from _plug_in(wiring.name, ports)
    for gateway in wiring.gateways:
        yield f"route add {'default' if gateway.version == 4 else '::/0'} via {gateway}"


def _type(interface: Interface, ports: Mapping[Plug, int]) -> str:
    plug = interface.plug
    if plug is None:
        return "type bridge"
    namespace = _FLOOR_NAMESPACE if plug.host == FLOOR else f"/run/netns/{plug.host}"
    mac = _mac("02:01", interface)
    return f"type veth peer name {plug.port} index {ports[plug]} address {mac}{_mtu(plug)} netns {namespace}"


def _mtu(device: Interface | Plug) -> str:
    return "" if device.mtu == USUAL_MTU else f" mtu {device.mtu}"


def _rules(wiring: Wiring) -> dict[int, tuple[str, ...]]:
    """Return the rules of a router's NAT, by their IP versions; a host without NAT has none."""
    translations: dict[int, list[Translation]] = {}
    for translation in wiring.translations:
        translations.setdefault(translation.public.version, []).append(translation)
    return {version: tuple(_nat(members)) for version, members in translations.items()}


def _nat(translations: Sequence[Translation]) -> Iterator[str]:
    """Return rules that translate both ways; neighbours of a node send to its public address, and are answered, so."""
    for node in translations:
        yield f"-A PREROUTING -d {node.public} -j DNAT --to-destination {node.own}"
        yield f"-A POSTROUTING -s {node.own} -j SNAT --to-source {node.public}"
    for node in translations:
        yield f"-A POSTROUTING -s {node.segment} -d {node.own} -j MASQUERADE"


def _plug_in(host: str, ports: Iterable[Plug]) -> Iterator[str]:
    """Give the commands that make the far ends of cables, made before, ports of this host's bridges."""
    for plug in ports:
        if plug.host == host:
            yield f"link set dev {plug.port} master {plug.bridge} up"


def _mac(start: str, interface: Interface) -> str:
    """Derive a locally administered MAC from a device's first address, so that every lab of a spec has the same."""
    address = interface.addresses[0].address
    tail = address.packed if address.version == 4 else sha256(address.packed).digest()[:4]
    return f"{start}:{tail.hex(':')}"
