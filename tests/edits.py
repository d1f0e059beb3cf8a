"""Sequences of specs that edits lead to, as seen by node a: strategies for hypothesis.

Node a is on two segments, so that it may say which of them it is on. Its peers are on either, or behind a router.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from hypothesis import strategies as st
from msgspec import Struct, field
from msgspec.structs import replace

from netplan.kinds.link.value import OVERHEAD
from netplan.spec.load import Spec
from tests import make

HERE: Final = ("7", "8")
"""The segments that node a has addresses on: 10.4.7.0/24 with fd00:4:7::/64, and so on."""

BACKENDS: Final = (
    *("{type: host-gw}", "{type: vxlan}", "{type: vxlan, direct_routing: true}"),
    *("{type: vxlan, vni: 77}", "{type: vxlan, vni: 77, direct_routing: true}", "{type: vxlan, port: 4789}"),
    *("{type: vxlan, name: flannel.1}", "{type: vxlan, name: flannel.1, vni: 77}"),
    *("{type: vxlan, mtu: 1400}", "{type: vxlan, mtu: 1300, direct_routing: true}"),
)
NARROW: Final = "{type: vxlan, mtu: 1000}"
"""Too narrow for IPv6."""

_FAMILIES: Final = ((4,), (4, 6), (6,))
_SEGMENTS: Final = (*HERE, "9")
_SUBNETS: Final = range(21, 27)
_MTUS: Final = (1500, 1460, 1400)
_MORE: Final = ("", ", blackhole: true", ", routes: [{prefix: 10.9.0.0/16, dev: docker0}]")


class Place(NamedTuple):
    """Where a node is: its segment, its number there, and the number of its subnets."""

    segment: str
    host: int
    subnet: int

    def keys(self, families: tuple[int, ...]) -> str:
        """Write the keys of a node's addresses and subnets."""
        lines = []
        if 4 in families:
            lines.append(f"address: 10.4.{self.segment}.{self.host}/24, subnet: 172.7.{self.subnet}.0/24")
        if 6 in families:
            lines.append(f"ipv6_address: 'fd00:4:{self.segment}::{self.host}/64'")
            lines.append(f"ipv6_subnet: 'fd00:7:0:{self.subnet}::/64'")
        return ", ".join(lines)


_HOME: Final = Place("7", 21, 21)


class Cluster(Struct, frozen=True):
    """What a spec says; of host-gw only the nodes on the segment of node a."""

    families: tuple[int, ...] = (4,)
    backend: str = "{type: vxlan}"
    mtu: int = 1500
    more: str = ""
    own: Place = _HOME
    peers: Mapping[str, Place] = field(default_factory=dict)

    @property
    def spec(self) -> Spec:
        """The spec."""
        flat = "host-gw" in self.backend
        nodes = [f"a: {{{self.own.keys(self.families)}{self.more}}}"]
        nodes += [
            f"{name}: {{{place.keys(self.families)}}}"
            for name, place in self.peers.items()
            if not flat or place.segment == self.own.segment
        ]
        network = None if self.families == (6,) else "172.7.0.0/16"
        ipv6 = None if self.families == (4,) else "fd00:7::/48"
        defaults = f"{{mtu: {self.mtu}}}"
        return make.spec(*nodes, network=network, ipv6_network=ipv6, backend=self._fitting, defaults=defaults)

    @property
    def _fitting(self) -> str:
        """The backend, with an MTU that the interface and IPv6 take."""
        if self.families != (4,) and self.backend == NARROW:
            return "{type: vxlan}"
        room = self.mtu - OVERHEAD[4 if 4 in self.families else 6]
        return "{type: vxlan}" if room < 1400 and "mtu: 1400" in self.backend else self.backend

    def _free(self) -> list[int]:
        taken = {self.own.subnet, *(place.subnet for place in self.peers.values())}
        return [number for number in _SUBNETS if number not in taken]


Edit = Callable[[st.DrawFn, Cluster], Cluster]


def _add(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    names = [name for name in ("p1", "p2", "p3", "p4") if name not in cluster.peers]
    if not names:
        return cluster
    name = draw(st.sampled_from(names))
    place = Place(draw(st.sampled_from(_SEGMENTS)), 30 + int(name[1]), draw(st.sampled_from(cluster._free())))
    return replace(cluster, peers={**cluster.peers, name: place})


def _some(draw: st.DrawFn, cluster: Cluster, change: Callable[[Place], Place | None]) -> Cluster:
    """Change one peer, or take it away."""
    if not cluster.peers:
        return _add(draw, cluster)
    chosen = draw(st.sampled_from(sorted(cluster.peers)))
    changed = {name: change(place) if name == chosen else place for name, place in cluster.peers.items()}
    return replace(cluster, peers={name: place for name, place in changed.items() if place is not None})


def _leave(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    return _some(draw, cluster, lambda _: None)


def _move(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    segment = draw(st.sampled_from(_SEGMENTS))
    return _some(draw, cluster, lambda place: place._replace(segment=segment))


def _resubnet(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    subnet = draw(st.sampled_from(cluster._free()))
    return _some(draw, cluster, lambda place: place._replace(subnet=subnet))


def _swap(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    """Swap the subnets of node a and of a peer."""
    if not cluster.peers:
        return cluster
    name = draw(st.sampled_from(sorted(cluster.peers)))
    own, other = cluster.own, cluster.peers[name]
    peers = {**cluster.peers, name: other._replace(subnet=own.subnet)}
    return replace(cluster, own=own._replace(subnet=other.subnet), peers=peers)


def _own(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    """Move node a, or give it another subnet."""
    segment, subnet = draw(st.sampled_from(HERE)), draw(st.sampled_from([cluster.own.subnet, *cluster._free()]))
    return replace(cluster, own=cluster.own._replace(segment=segment, subnet=subnet))


def _backend(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    return replace(cluster, backend=draw(st.sampled_from((*BACKENDS, NARROW))))


def _families(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    return replace(cluster, families=draw(st.sampled_from(_FAMILIES)))


def _mtu(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    return replace(cluster, mtu=draw(st.sampled_from(_MTUS)))


def _more(draw: st.DrawFn, cluster: Cluster) -> Cluster:
    return replace(cluster, more=draw(st.sampled_from(_MORE)))


_EDITS: Final[tuple[Edit, ...]] = (
    *(_add, _leave, _move, _resubnet, _swap, _own, _more),
    *(_backend, _backend, _backend, _families, _families, _mtu),
)


@st.composite
def edits(draw: st.DrawFn, most: int = 5) -> list[Cluster]:
    """Draw a cluster and what edits make of it, one after the other; between two there may be several edits."""
    cluster = Cluster()
    for _ in range(draw(st.integers(0, 3))):
        cluster = _add(draw, cluster)
    clusters = [cluster]
    for _ in range(draw(st.integers(1, most))):
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 5]))):
            cluster = draw(st.sampled_from(_EDITS))(draw, cluster)
        clusters.append(cluster)
    return clusters
