"""A packet that stands for a class of traffic in a cluster, and what the spec wants of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from netplan.kinds.resource import Json
from netplan.net import Address, IfName, host_name, if_name
from netplan.planning.traffic.peers import Alike
from netplan.spec.model import Mark
from netplan.trace import Packet, PacketVerdict

TCP: Final = 6
UDP: Final = 17
TUNNEL: Final = "tunnel from peer"
_NAMES: Final = {UDP: " (udp)"}


class SourceAddress(StrEnum):
    """What is to become of a packet's source address."""

    KEPT = "kept"
    REWRITTEN = "rewritten"


class Way(NamedTuple):
    """How packets leave the node: by which device, and to which next hop, None where they need none."""

    oif: IfName | None
    next_hop: Address | None

    def to_json(self) -> Json:
        """Return the way as JSON values, named as in a trace."""
        return {"oif": self.oif, "next_hop": None if self.next_hop is None else str(self.next_hop)}

    @classmethod
    def from_json(cls, data: Json) -> Way:
        """Read what `to_json` gave."""
        return cls(
            None if data["oif"] is None else if_name(str(data["oif"])),
            None if data["next_hop"] is None else Address.parse(str(data["next_hop"])),
        )


class Probe(NamedTuple):
    """A packet that stands for a class of traffic, `other` one of the same class, and what the spec wants of them.

    `source` is None where the spec leaves it to others; where it does not ask for `accepted` either it wants nothing.
    What `arrives` comes from another host, by the device that leads there. Routes `beyond` the cluster are others';
    `way` is the one that the spec wants these packets to take, None if it wants none. With `alike` more peers are like
    this one; one that is not `traced` is told of, as the first of those that were too many to trace.
    """

    traffic: str
    peer: str | None
    packet: Packet
    source: SourceAddress | None
    accepted: bool = True
    mark: Mark | None = None
    arrives: bool = False
    beyond: bool = False
    other: Packet | None = None
    way: Way | None = None
    alike: Alike | None = None
    traced: bool = True

    @property
    def name(self) -> str:
        """The class of traffic, with the mark that its packets carry, and their protocol if that is not TCP."""
        marked = "" if self.mark is None else f" marked {self.mark}"
        return f"{self.traffic}{marked}{_NAMES.get(self.packet.protocol or TCP, '')}"

    @property
    def tunnelled(self) -> bool:
        """Whether the packets are a tunnel's own, which no policy is about: pods are not seen in them."""
        return self.traffic == TUNNEL

    @property
    def wanted(self) -> bool:
        """Whether the spec wants anything of this traffic."""
        return self.accepted or self.source is not None

    def wanted_json(self) -> Json | None:
        """Return what is wanted as JSON values, None if nothing; a source is an address, or `rewritten`."""
        if not self.wanted:
            return None
        source = str(self.packet.source) if self.source is SourceAddress.KEPT else self.source
        return {
            "verdict": PacketVerdict.ACCEPT.value if self.accepted else None,
            "source": None if source is None else str(source),
            "destination": str(self.packet.destination),
            **({} if self.way is None else self.way.to_json()),
        }

    def to_json(self) -> Json:
        """Return the probe as JSON values."""
        return {
            "class": self.traffic,
            "peer": self.peer,
            "packet": _packet_to_json(self.packet),
            "other": None if self.other is None else _packet_to_json(self.other),
            "source": None if self.source is None else self.source.value,
            "accepted": self.accepted,
            "mark": None if self.mark is None else str(self.mark),
            "arrives": self.arrives,
            "beyond": self.beyond,
            "way": None if self.way is None else self.way.to_json(),
            "alike": None if self.alike is None else self.alike._asdict(),
            "traced": self.traced,
        }

    @classmethod
    def from_json(cls, data: Json) -> Probe:
        """Read what `to_json` gave."""
        return cls(
            traffic=str(data["class"]),
            peer=None if data["peer"] is None else host_name(str(data["peer"])),
            packet=_packet_from_json(data["packet"]),
            other=None if data["other"] is None else _packet_from_json(data["other"]),
            source=None if data["source"] is None else SourceAddress(data["source"]),
            accepted=bool(data["accepted"]),
            mark=None if data["mark"] is None else Mark.parse(str(data["mark"])),
            arrives=bool(data["arrives"]),
            beyond=bool(data["beyond"]),
            way=None if data.get("way") is None else Way.from_json(data["way"]),
            alike=_alike_from_json(data.get("alike")),
            traced=bool(data.get("traced", True)),
        )


def _packet_to_json(packet: Packet) -> Json:
    return {
        "source": str(packet.source),
        "destination": str(packet.destination),
        "protocol": packet.protocol,
        "source_port": packet.sport,
        "port": packet.dport,
        "mark": packet.mark,
        "iif": packet.iif,
    }


def _packet_from_json(data: Json) -> Packet:
    protocol, port, mark = int(data["protocol"]), int(data["port"]), int(data["mark"])
    source_port = int(data.get("source_port", port))
    if not (0 <= protocol < 1 << 8 and 0 <= min(port, source_port) <= max(port, source_port) < 1 << 16):
        raise ValueError("a packet's protocol has 8 bits, and its ports 16")
    if not 0 <= mark < 1 << 32:
        raise ValueError("a packet's mark has 32 bits")
    iif = None if data["iif"] is None else if_name(str(data["iif"]))
    addresses = Address.parse(str(data["source"])), Address.parse(str(data["destination"]))
    return Packet(*addresses, protocol, source_port, port, mark, iif)


def _alike_from_json(data: Json | None) -> Alike | None:
    return None if data is None else Alike(host_name(str(data["first"])), int(data["untraced"]))


def packets_of(found: Iterable[Probe]) -> Iterator[Packet]:
    """Return all packets that stand for the classes, and are traced."""
    for probe in found:
        yield from (packet for packet in (probe.packet, probe.other) if packet is not None and probe.traced)
