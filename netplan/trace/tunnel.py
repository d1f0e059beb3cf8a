"""VXLAN from node to node: into which packets a tunnel puts others, and which device of the peer takes them out.

drivers/net/vxlan/vxlan_core.c, vxlan_xmit_one and vxlan_rcv. The outer packets carry the mark of the inner ones, and
conntrack sees them by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import VXLAN, Link, Vxlan
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, LinkLayerAddress
from netplan.netfilter.iptables.names import UDP
from netplan.trace.arrival import received
from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import DESTINATION, NO_DEVICE, NO_SOURCE, Flow, Mark, services
from netplan.trace.intervals import Intervals, minus, only
from netplan.trace.split import cut

EPHEMERAL_PORTS: Final[Intervals] = (32768, 60999)
"""The source ports that the kernel chooses from (ip_local_port_range), by what the packets carry."""


class Frames(NamedTuple):
    """What a tunnel puts packets into: UDP packets for a port, and frames for a link-layer address of a VNI."""

    outer: Flow
    lladdr: LinkLayerAddress
    vni: int
    port: int


def tunnel_of(state: Snapshot, device: str | None) -> Link | None:
    """Return the tunnel that a device is, None if it is none."""
    return next((link for link in state.all(Link) if link.name == device and link.type == VXLAN), None)


def framed(state: Snapshot, link: Link, flow: Flow) -> Iterator[tuple[Flow, Frames | Step]]:
    """Divide packets that leave by a tunnel by what this puts them into, or with why that is not known.

    Only permanent neighbours and entries are recorded: what others lead to is not known.
    """
    neighbours = {entry.address: entry.lladdr for entry in state.all(Neighbour) if entry.link == link.name}
    packets, next_hop, mark = received(flow, NO_DEVICE), flow.next_hop, flow.mark
    if isinstance(next_hop, Address):
        yield packets, _behind(state, link, neighbours.get(next_hop), next_hop, mark)
        return
    others = packets.destinations
    for address, lladdr in neighbours.items():
        for part in cut(packets, DESTINATION, only(address.value)).inside if address.version == packets.version else ():
            others = minus(others, part.destinations)
            yield part, _behind(state, link, lladdr, address, mark)
    for part in cut(packets, DESTINATION, others).inside:
        yield part, _behind(state, link, None, part.first_destination, mark)


def _behind(
    state: Snapshot, link: Link, lladdr: LinkLayerAddress | None, address: Address, mark: Mark
) -> Frames | Step:
    if lladdr is None:
        return _unknown(link, f"{link.name} has no permanent neighbour {address}")
    entry = next((entry for entry in state.all(FdbEntry) if entry.key == (link.name, lladdr)), None)
    if entry is None:
        return _unknown(link, f"no entry of {link.name} says where {lladdr} is, the neighbour {address}")
    options = dict(option.split(" ", 1) for option in entry.options)
    if link.vxlan is None or options.keys() - {"port", "vni"}:
        return _unknown(link, f"where {link.name} sends to is not known: {entry}")
    port, vni = int(options.get("port", link.vxlan.port)), int(options.get("vni", link.vxlan.vni))
    return Frames(_outer(link.vxlan, entry.dst, port, mark), lladdr, vni, port)


def _outer(vxlan: Vxlan, peer: Address, port: int, mark: Mark) -> Flow:
    return Flow(
        peer.version,
        NO_SOURCE if vxlan.local is None else only(vxlan.local.value),
        only(peer.value),
        EPHEMERAL_PORTS,
        services([UDP], only(port)),
        iif=NO_DEVICE,
        oif=NO_DEVICE,
        mark=mark,
        connmark=Mark.of(0),
        dnat=False,
    )


def _unknown(link: Link, why: str) -> Step:
    return Step("tunnel", f"dev {link.name}", Did.UNKNOWN, f"unknown: {why}", certain=False)


def unframed(state: Snapshot | None, frames: Frames) -> Link | Step:
    """Return the device of a peer that takes packets out of a tunnel's, or why none does."""
    links = () if state is None else state.all(Link)
    tunnels = [link for link in links if link.vxlan is not None and link.up]
    port = [link for link in tunnels if link.vxlan is not None and link.vxlan.port == frames.port]
    fitting = [link for link in port if link.vxlan is not None and link.vxlan.vni == frames.vni]
    if not fitting:
        return _lost(f"no tunnel that is up has port {frames.port} and VNI {frames.vni}")
    (link, *_) = fitting
    if link.lladdr is None:
        return _unknown(link, f"the link-layer address of {link.name} is not recorded")
    if link.lladdr != frames.lladdr:
        return _lost(f"they are for {frames.lladdr}, and {link.name} is {link.lladdr}")
    return link


def _lost(why: str) -> Step:
    return Step("tunnel", "", Did.REFUSED, f"dropped: {why}")
