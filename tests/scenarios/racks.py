"""A cluster in two racks with a router between them, its nodes and what their kernels hold of podnet's."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from netplan.lab import Lab
from tests.lab import resident
from tests.lab.probe import address, socket_on
from tests.scenarios.podnet import Outcome, podnet

Families: TypeAlias = tuple[int, ...]
"""The IP versions that nodes and pods have addresses of."""

IPV4: Final = (4,)
BOTH: Final = (4, 6)
IPV6: Final = (6,)

HEAD: Final = """version: 1
cluster: racks
NETWORKSbackend: BACKEND
defaults: {interface: eth0, bridge: cni0}
firewall: {backend: nft}
nodes:
"""
_NETWORKS: Final = {4: "network: 10.32.0.0/16\n", 6: "ipv6_network: fd00:32::/48\n"}


def place(rack: int, host: int, subnet: int, families: Families = IPV4) -> str:
    """Write a node: the rack that it is in, its number there, and that of its subnets."""
    keys = {
        4: f"address: 10.60.{rack}.{host}/24, subnet: 10.32.{subnet}.0/24",
        6: f"ipv6_address: 'fd00:60:{rack}::{host}/64', ipv6_subnet: 'fd00:32:0:{subnet}::/64'",
    }
    return f"{{{', '.join(keys[version] for version in families)}}}"


def nodes(families: Families = IPV4) -> dict[str, str]:
    """Write the nodes of both racks."""
    places = [(rack, number) for rack in (1, 2) for number in (1, 2)]
    return {f"r{rack}-n{number}": place(rack, 10 + number, 10 * rack + number, families) for rack, number in places}


def rack_1(families: Families = IPV4) -> dict[str, str]:
    """Write the nodes of the first rack."""
    return {name: text for name, text in nodes(families).items() if name.startswith("r1")}


NODES: Final = nodes()
RACK_1: Final = rack_1()

_MTU_DISCOVER: Final = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}
_DO: Final = 2
_PROTOCOLS: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}
_HEADERS: Final = {4: 28, 6: 48}

LOOK_AT_TUNNELS: Final = """
for link in $(ip -o link show type vxlan | cut -d: -f2); do
    ip -o -d link show $link | sed 's/^[0-9]*: //'
    bridge fdb show dev $link | sort
    cat /proc/sys/net/ipv6/conf/$link/accept_ra
done
"""

_LOOK: Final = f"""
for version in 4 6; do
    ip -$version route show table all proto 112 | sort
    for link in $(ip -o link show type vxlan | cut -d: -f2); do
        ip -$version -o address show dev $link | sed '/ fe80:/d; s/^[0-9]*: //'
        ip -$version neighbour show dev $link nud permanent | sort
    done
done
{LOOK_AT_TUNNELS}
iptables-nft-save | grep -E '^(-A|:PODNET)' || true
ip6tables-nft-save | grep -E '^(-A|:PODNET)' || true
"""


_CLEAN: Final = """
ip -4 route flush proto 112
ip -6 route flush proto 112
for link in $(ip -o link show type vxlan | cut -d: -f2); do
    ip link del $link
done
nft flush ruleset
for table in $(cat /proc/net/ip_tables_names); do
    printf '*%s\\nCOMMIT\\n' "$table" | iptables-legacy-restore
    [ "$table" != filter ] || iptables-legacy -P FORWARD ACCEPT
done
for table in $(cat /proc/net/ip6_tables_names); do
    printf '*%s\\nCOMMIT\\n' "$table" | ip6tables-legacy-restore
    [ "$table" != filter ] || ip6tables-legacy -P FORWARD ACCEPT
done
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
rm -f "$PODNET_VAR_DIR/sysctls.json" "$PODNET_VAR_DIR/tables.json"
"""


def spec_text(backend: str, nodes: Mapping[str, str] = NODES) -> str:
    """Write the spec of the racks, or of other nodes in them; its networks are of the families of the nodes."""
    first = next(iter(nodes.values()))
    versions = [version for version, key in ((4, " subnet:"), (6, " ipv6_subnet:")) if key in first]
    head = HEAD.replace("NETWORKS", "".join(_NETWORKS[version] for version in versions))
    return head.replace("BACKEND", backend) + "".join(f"  {name}: {text}\n" for name, text in nodes.items())


class Cluster(NamedTuple):
    """How the racks are connected, and by what the packets are filtered; of host-gw the first rack alone."""

    backend: str
    families: Families
    firewall: str

    @property
    def nodes(self) -> Mapping[str, str]:
        """Return the texts of the nodes."""
        return rack_1(self.families) if "host-gw" in self.backend else nodes(self.families)

    @property
    def spec(self) -> str:
        """Return the text of the spec."""
        return self.spec_of(self.nodes)

    @property
    def later(self) -> str:
        """Return the text of a spec with other rules and the same tunnel."""
        return self.spec.replace("defaults:", "forward: none\ndefaults:")

    def spec_of(self, nodes: Mapping[str, str]) -> str:
        """Return the text of a spec with other nodes."""
        return spec_text(self.backend, nodes).replace("backend: nft", f"backend: {self.firewall}")


CLUSTERS: Final = {
    f"{kind}, {name}, {firewall}": Cluster(f"{{type: {kind}}}", families, firewall)
    for kind in ("host-gw", "vxlan")
    for name, families in (("IPv4", IPV4), ("dual stack", BOTH), ("IPv6", IPV6))
    for firewall in ("nft", "legacy")
}


class Racks(Struct, frozen=True):
    """A lab of the racks, and a place for its specs."""

    lab: Lab
    folder: Path

    def podnet(self, node: str, verb: str, spec: str, *words: str) -> Outcome:
        """Run a verb of podnet on a node, with the spec of a text."""
        path = self.folder / "racks.yaml"
        path.write_text(spec)
        return podnet(self.lab, node, verb, path, "--node", node, *words)

    def apply_saved(self, node: str, path: Path) -> Outcome:
        """Apply a plan that was saved."""
        return podnet(self.lab, node, "apply", path, "--node", node, "--yes")

    def apply(self, spec: str, nodes: Sequence[str] = tuple(NODES)) -> None:
        """Make nodes what the spec of a text says."""
        for node in nodes:
            done = self.podnet(node, "apply", spec, "--yes")
            assert done.code == 0, done.stderr

    def apply_by_plan(self, spec: str, nodes: Sequence[str] = tuple(NODES)) -> None:
        """Make nodes what the spec of a text says, each by a plan that is saved first."""
        path = self.folder / "plan.json"
        for node in nodes:
            saved = self.podnet(node, "plan", spec, "--live", "--out", str(path))
            done = self.apply_saved(node, path)
            assert (saved.code, done.code) == (0, 0), saved.stderr + done.stderr

    def rollback(self, node: str, *number: str) -> None:
        """Bring back the state of a generation of a node, by default the one before the newest."""
        done = podnet(self.lab, node, "rollback", *number, "--yes", "--allow-many-deletes", "--allow-broken-traffic")
        assert done.code == 0, done.stderr

    def recover(self, node: str) -> Outcome:
        """Go on from what an earlier podnet left."""
        return podnet(self.lab, node, "recover")

    def shell(self, node: str, script: str) -> str:
        """Run a shell script on a node and give what it printed."""
        return resident.shell(self.lab, node, script)

    def state(self, node: str) -> str:
        """Read everything of a node's kernel that podnet may write, as the system's own tools print it."""
        return self.shell(node, _LOOK)

    def reset(self, nodes: Sequence[str] = tuple(NODES)) -> None:
        """Take everything that podnet made off nodes."""
        for node in nodes:
            self.shell(node, _CLEAN)


def passes(lab: Lab, source: str, target: str, size: int = 1400, timeout: float = 2.0, *, version: int = 4) -> bool:
    """Whether a packet of so many bytes that must not be fragmented reaches a pod, and its answer comes back."""
    with closing(_echo_socket(lab, source, address(lab, target, version), version)) as icmp:
        icmp.settimeout(timeout)
        try:
            icmp.send(_echo(1, size, version))
            while _reply(icmp.recv(65536), version) is None:
                pass
        except OSError:
            return False
    return True


def _echo_socket(lab: Lab, source: str, target: str, version: int) -> socket.socket:
    icmp = socket_on(lab, source, socket.SOCK_RAW, _PROTOCOLS[version], version=version)
    icmp.setsockopt(*_MTU_DISCOVER[version], _DO)
    icmp.connect((target, 0))
    return icmp


def _echo(sequence: int, size: int, version: int) -> bytes:
    """Make an echo request of a packet of so many bytes; the kernel fills in the checksum of IPv6."""
    payload = bytes(size - _HEADERS[version])
    kind = _REQUEST[version]
    checksum = 0xFFFF - ((kind << 8) + sequence + ((kind << 8) + sequence >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", kind, 0, checksum, 0, sequence) + payload


def _reply(packet: bytes, version: int) -> int | None:
    """Return the number of an echo reply, None if it is another packet; those of IPv4 come with their header."""
    answer = packet[20:] if version == 4 else packet
    return struct.unpack_from("!H", answer, 6)[0] if answer[0] == _REPLY[version] else None
