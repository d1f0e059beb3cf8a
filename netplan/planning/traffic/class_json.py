"""Classes of traffic as JSON, for a plan that is saved: its traffic is traced anew before it is applied."""

from __future__ import annotations

from typing import Final

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.resource import Json
from netplan.net import BITS, Address, if_name
from netplan.planning.traffic.classes import SourceAddress, TrafficClass, first_packets
from netplan.planning.traffic.peers import Peers
from netplan.spec.model import Mark
from netplan.trace import Flow
from netplan.trace.flow import EVERY_SERVICE, NO_DEVICE
from netplan.trace.flow import Mark as PacketMark
from netplan.trace.intervals import EVERY_PORT, Intervals, pairs_of, union

_NUMBERS: Final = {"sport": EVERY_PORT[1], "service": EVERY_SERVICE[1]}


def class_to_json(traffic: TrafficClass) -> Json:
    """Return a class as JSON values; `service` has the protocol's number above the 16 bits of the port."""
    packets = traffic.packets
    return {
        "class": traffic.traffic,
        "version": packets.version,
        "sources": _addresses(packets.version, packets.source),
        "destinations": _addresses(packets.version, packets.destination),
        **{name: [f"{first}-{last}" for first, last in pairs_of(getattr(packets, name))] for name in _NUMBERS},
        "iif": packets.iif or None,
        "source": None if traffic.source is None else traffic.source.value,
        "accepted": traffic.accepted,
        "mark": None if traffic.mark is None else str(traffic.mark),
        "arrives": traffic.arrives,
        "beyond": traffic.beyond,
        "bridge": None if traffic.bridge is None else traffic.bridge.to_json(),
        "device": traffic.device,
        **traffic.peers.to_json(),
    }


def class_from_json(data: Json) -> TrafficClass:
    """Read what `class_to_json` gave."""
    version = int(data["version"])
    mark = None if data["mark"] is None else Mark.parse(str(data["mark"]))
    sources, destinations = (_read_addresses(version, data[name]) for name in ("sources", "destinations"))
    sport, service = (_read(data[name], highest) for name, highest in _NUMBERS.items())
    iif = NO_DEVICE if data["iif"] is None else if_name(str(data["iif"]))
    packets = first_packets(Flow(version, sources, destinations, sport), iif, service)
    return TrafficClass(
        traffic=str(data["class"]),
        packets=packets if mark is None else packets.remarked(PacketMark.of(mark.value)),
        source=None if data["source"] is None else SourceAddress(data["source"]),
        accepted=bool(data["accepted"]),
        mark=mark,
        arrives=bool(data["arrives"]),
        beyond=bool(data["beyond"]),
        bridge=None if data["bridge"] is None else LinkAddress.from_json(data["bridge"]),
        peers=Peers.from_json(data),
        device=None if data["device"] is None else if_name(str(data["device"])),
    )


def _addresses(version: int, numbers: Intervals) -> list[str]:
    return [f"{Address(version, first)}-{Address(version, last)}" for first, last in pairs_of(numbers)]


def _read_addresses(version: int, texts: Json) -> Intervals:
    ends = [tuple(map(Address.parse, str(text).split("-"))) for text in texts]
    if version not in BITS or not ends or any(address.version != version for pair in ends for address in pair):
        raise ValueError("the addresses of a class of traffic are of its IP version")
    return _ordered([(first.value, last.value) for first, last in ends])


def _read(texts: Json, highest: int) -> Intervals:
    pairs = [tuple(map(int, str(text).split("-"))) for text in texts]
    if not pairs or not all(0 <= number <= highest for pair in pairs for number in pair):
        raise ValueError(f"ports and services are whole numbers from 0 to {highest}")
    return _ordered([(first, last) for first, last in pairs])


def _ordered(pairs: list[tuple[int, int]]) -> Intervals:
    if any(first > last for first, last in pairs):
        raise ValueError("a range begins with its lowest number")
    return union(pairs)
