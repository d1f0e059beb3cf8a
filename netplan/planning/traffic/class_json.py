"""Classes of traffic as JSON: for a plan that is saved, and for a state that a node may go back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from netplan.documents import INVALID_JSON_VALUE, why
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

_LISTS: Final = ("sources", "destinations", "peers", "ways")
_NUMBERS: Final = {"sport": EVERY_PORT[1], "service": EVERY_SERVICE[1]}


def class_to_json(traffic: TrafficClass) -> Json:
    """Return a class as JSON values; `service` has the protocol's number above the 16 bits of the port."""
    return _to_json(traffic, lambda _, texts: texts())


def _to_json(traffic: TrafficClass, listed: Callable[[object, Callable[[], list[str]]], list[str] | int]) -> Json:
    """Return a class as JSON values; `listed` returns what stands there for a value that is many texts."""
    packets, peers, version = traffic.packets, traffic.peers, traffic.packets.version
    return {
        "class": traffic.traffic,
        "version": version,
        "sources": listed(packets.source, lambda: _addresses(version, packets.source)),
        "destinations": listed(packets.destination, lambda: _addresses(version, packets.destination)),
        **{name: [f"{first}-{last}" for first, last in pairs_of(getattr(packets, name))] for name in _NUMBERS},
        "iif": packets.iif or None,
        "source": None if traffic.source is None else traffic.source.value,
        "accepted": traffic.accepted,
        "mark": None if traffic.mark is None else str(traffic.mark),
        "arrives": traffic.arrives,
        "beyond": traffic.beyond,
        "bridge": None if traffic.bridge is None else traffic.bridge.to_json(),
        "device": traffic.device,
        "peers": listed(peers.places, peers.place_texts),
        "ways": listed(peers.ways, peers.way_texts),
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


def classes_to_json(classes: Iterable[TrafficClass]) -> Json:
    """Return classes as JSON values in which each list of addresses, peers and ways stands once, for they are long."""
    numbers: dict[tuple[str, ...], int] = {}
    known: dict[int, tuple[object, int]] = {}

    def listed(value: object, texts: Callable[[], list[str]]) -> int:
        if id(value) not in known:
            known[id(value)] = value, numbers.setdefault(tuple(texts()), len(numbers))
        return known[id(value)][1]

    rows = [_to_json(traffic, listed) for traffic in classes]
    return {"lists": [list(texts) for texts in numbers], "classes": rows}


def classes_from_json(data: Json) -> tuple[TrafficClass, ...]:
    """Read what `classes_to_json` gave; ValueError if it is something else."""
    try:
        lists = data["lists"]
        rows = ({**row, **{name: lists[row[name]] for name in _LISTS}} for row in data["classes"])
        return tuple(map(class_from_json, rows))
    except (*INVALID_JSON_VALUE, IndexError) as error:
        raise ValueError(why(error)) from error


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
