"""The steps and sysctls that build a layout, in an order that the kernel accepts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from msgspec import Struct

from netplan.lab.layout import FLOOR, HostKind, Interface, Layout, Plug, Translation, Wiring
from netplan.net import BITS
from netplan.spec.topology import USUAL_MTU

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


class Device(Struct, frozen=True):
    """A network device of a host, as the kernel knows it and as people do."""

    index: int
    name: str


class Peer(Struct, frozen=True):
    """The other end of a veth, on another host."""

    host: str
    device: Device
    mac: str
    mtu: int

    def __str__(self) -> str:
        described = f"name {self.device.name} index {self.device.index}{_hardware(self.mac, self.mtu)}"
        return f"peer {described} netns {namespace(self.host)}"


class AddLink(Struct, frozen=True, tag=True):
    """A new device: a veth if it has a peer, else a bridge; without a MAC the kernel chooses one."""

    device: Device
    mac: str = ""
    mtu: int = USUAL_MTU
    peer: Peer | None = None

    def __str__(self) -> str:
        kind = f"veth {self.peer}" if self.peer else "bridge"
        described = f"index {self.device.index} name {self.device.name}{_hardware(self.mac, self.mtu)}"
        return f"link add {described} type {kind}"


class AddAddress(Struct, frozen=True, tag=True):
    """A new address of a device, in its usual spelling."""

    device: Device
    address: str
    length: int

    def __str__(self) -> str:
        return f"address add {self.address}/{self.length} dev {self.device.name}"


class SetUp(Struct, frozen=True, tag=True):
    """The device goes up, as a port of the bridge if there is one."""

    device: Device
    bridge: Device | None = None

    def __str__(self) -> str:
        return f"link set dev {self.device.name}{f' master {self.bridge.name}' if self.bridge else ''} up"


class AddDefaultRoute(Struct, frozen=True, tag=True):
    """A new default route of an IP version; the gateway is in its usual spelling."""

    version: int
    gateway: str

    def __str__(self) -> str:
        return f"route add {'default' if self.version == 4 else '::/0'} via {self.gateway}"


_LOOPBACK: Final = Device(1, "lo")

Step: TypeAlias = AddLink | AddAddress | SetUp | AddDefaultRoute
"""One message to the kernel; as text it is the arguments of `ip` that do the same."""


class Setup(Struct, frozen=True):
    """What is done on one host at once: new network namespaces, then sysctls as `net/ipv4/ip_forward=1`, then steps.

    Then `rules` are appended to the table nat of each IP version.
    """

    host: str
    sysctls: tuple[str, ...]
    steps: tuple[Step, ...]
    namespaces: tuple[str, ...] = ()
    rules: Mapping[int, tuple[str, ...]] = {}


def namespace(host: str) -> str:
    """Return the path of a host's network namespace, as processes of the lab see it."""
    return "/proc/1/ns/net" if host == FLOOR else f"/run/netns/{host}"


def setups(layout: Layout) -> Iterator[Setup]:
    """Return the setups that build a lab on an empty floor, in their order.

    A cable's far end is made with it, so pods come before the node whose bridge they are plugged in, and the
    switches' ports last.
    """
    ports = {plug: Device(index, plug.port) for index, plug in enumerate(layout.plugs(), _FIRST_PORT_INDEX)}
    switches = [Device(index, switch) for index, switch in enumerate(layout.switches, _FIRST_INDEX)]
    hosts = tuple(wiring.name for wiring in layout.wirings)
    yield Setup(FLOOR, _FLOOR_SYSCTLS, tuple(_ground(switches)), hosts)
    for wiring in sorted(layout.wirings, key=lambda wiring: wiring.kind != HostKind.POD):
        yield Setup(wiring.name, _sysctls(wiring.kind), tuple(_connect(wiring, ports)), rules=_rules(wiring))
    yield Setup(FLOOR, (), tuple(_plug_in(FLOOR, ports, switches)))


def _ground(switches: Sequence[Device]) -> Iterator[Step]:
    yield SetUp(_LOOPBACK)
    for switch in switches:
        yield AddLink(switch)
        yield SetUp(switch)


def _sysctls(kind: HostKind) -> tuple[str, ...]:
    return (*_HOST_SYSCTLS, *(_ROUTER_SYSCTLS if kind is HostKind.ROUTER else _NO_ROUTER_SYSCTLS))


def _connect(wiring: Wiring, ports: Mapping[Plug, Device]) -> Iterator[Step]:
    yield SetUp(_LOOPBACK)
    devices = [Device(index, interface.name) for index, interface in enumerate(wiring.interfaces, _FIRST_INDEX)]
    for device, interface in zip(devices, wiring.interfaces, strict=True):
        yield AddLink(device, _mac("02:00", interface), interface.mtu, _peer(interface, ports))
        for address in interface.addresses:
            yield AddAddress(device, str(address.address), address.length)
        yield SetUp(device)
    for translation in wiring.translations:
        yield AddAddress(_LOOPBACK, str(translation.public), BITS[translation.public.version])
    yield from _plug_in(wiring.name, ports, devices)
    for gateway in wiring.gateways:
        yield AddDefaultRoute(gateway.version, str(gateway))


def _peer(interface: Interface, ports: Mapping[Plug, Device]) -> Peer | None:
    plug = interface.plug
    return None if plug is None else Peer(plug.host, ports[plug], _mac("02:01", interface), plug.mtu)


def _hardware(mac: str, mtu: int) -> str:
    """Return a device's MAC and MTU as `ip` wants them said, but for what the kernel chooses by itself."""
    return (mac and f" address {mac}") + ("" if mtu == USUAL_MTU else f" mtu {mtu}")


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


def _plug_in(host: str, ports: Mapping[Plug, Device], bridges: Sequence[Device]) -> Iterator[SetUp]:
    """Return the steps that make the far ends of cables, made before, ports of this host's bridges."""
    by_name = {bridge.name: bridge for bridge in bridges}
    for plug, port in ports.items():
        if plug.host == host:
            yield SetUp(port, by_name[plug.bridge])


def _mac(start: str, interface: Interface) -> str:
    """Derive a locally administered MAC from a device's first address, so that every lab of a spec has the same."""
    address = interface.addresses[0].address
    tail = address.packed if address.version == 4 else sha256(address.packed).digest()[:4]
    return f"{start}:{tail.hex(':')}"
