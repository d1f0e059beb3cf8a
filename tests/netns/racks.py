"""A cluster in two racks with a router between them, its nodes and what their kernels hold of podnet's."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from netplan.lab import Lab
from tests.lab.inside import inside
from tests.lab.probe import address, socket_on
from tests.netns.node import _shell
from tests.netns.podnet import Outcome, podnet

HEAD: Final = """version: 1
cluster: racks
network: 10.32.0.0/16
backend: BACKEND
defaults: {interface: eth0, bridge: cni0}
firewall: {backend: nft}
nodes:
"""
NODES: Final = {
    "r1-n1": "{address: 10.60.1.11/24, subnet: 10.32.11.0/24}",
    "r1-n2": "{address: 10.60.1.12/24, subnet: 10.32.12.0/24}",
    "r2-n1": "{address: 10.60.2.11/24, subnet: 10.32.21.0/24}",
    "r2-n2": "{address: 10.60.2.12/24, subnet: 10.32.22.0/24}",
}
RACK_1: Final = {name: text for name, text in NODES.items() if name.startswith("r1")}

_IP_MTU_DISCOVER: Final = 10
_DO: Final = 2
_HEADERS: Final = 28

_LOOK: Final = """
ip -4 route show proto 112
for link in $(ip -o link show type vxlan | cut -d: -f2); do
    ip -o -d link show $link | sed 's/^[0-9]*: //'
    ip -4 -o address show dev $link | sed 's/^[0-9]*: //'
    ip -4 neighbour show dev $link nud permanent | sort
    bridge fdb show dev $link | sort
    cat /proc/sys/net/ipv6/conf/$link/accept_ra
done
iptables-nft-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'
"""


_CLEAN: Final = """
ip -4 route flush proto 112
for link in $(ip -o link show type vxlan | cut -d: -f2); do
    ip link del $link
done
nft flush ruleset
echo 1 > /proc/sys/net/ipv4/ip_forward
rm -f "$PODNET_VAR_DIR/sysctls.json"
"""


def spec_text(backend: str, nodes: dict[str, str] = NODES) -> str:
    """Write the spec of the racks, or of other nodes in them."""
    return HEAD.replace("BACKEND", backend) + "".join(f"  {name}: {text}\n" for name, text in nodes.items())


@dataclass(frozen=True)
class Racks:
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

    def rollback(self, node: str) -> None:
        """Bring back the state before the newest generation of a node."""
        done = podnet(self.lab, node, "rollback", "--yes", "--allow-many-deletes")
        assert done.code == 0, done.stderr

    def shell(self, node: str, script: str) -> str:
        """Run a shell script on a node and give what it printed."""
        return inside(self.lab, node, _shell, script, (), "")

    def state(self, node: str) -> str:
        """Read everything of a node's kernel that podnet may write, as the system's own tools print it."""
        return self.shell(node, _LOOK)

    def reset(self) -> None:
        """Take everything that podnet made off the nodes."""
        for node in NODES:
            self.shell(node, _CLEAN)


def passes(lab: Lab, source: str, target: str, size: int = 1400, timeout: float = 2.0) -> bool:
    """Whether a packet of so many bytes that must not be fragmented reaches a pod, and its answer comes back."""
    with closing(_echo_socket(lab, source, address(lab, target))) as icmp:
        icmp.settimeout(timeout)
        try:
            icmp.send(_echo(1, size))
            while icmp.recv(65536)[20] != 0:
                pass
        except OSError:
            return False
    return True


@dataclass
class Pings:
    """A packet every few milliseconds from one host to another: how many were sent, and which were answered."""

    sent: int = 0
    answered: set[int] = field(default_factory=set)

    @property
    def lost(self) -> int:
        """How many packets were never answered."""
        return self.sent - len(self.answered)


@contextmanager
def pinging(lab: Lab, source: str, target: str) -> Iterator[Pings]:
    """Send packets from one pod to another during a block, and wait for the last answers after it."""
    pings, stop = Pings(), threading.Event()
    with closing(_echo_socket(lab, source, address(lab, target))) as icmp:
        thread = threading.Thread(target=_ping, args=(icmp, pings, stop))
        thread.start()
        try:
            yield pings
        finally:
            stop.set()
            thread.join()


def _ping(icmp: socket.socket, pings: Pings, stop: threading.Event) -> None:
    last = None
    while last is None or time.monotonic() < last + 1:
        if not stop.is_set():
            pings.sent += 1
            icmp.send(_echo(pings.sent, 100))
        elif last is None:
            last = time.monotonic()
        while select.select([icmp], [], [], 0.005)[0]:
            packet = icmp.recv(65536)
            if packet[20] == 0:
                pings.answered.add(struct.unpack_from("!H", packet, 26)[0])


def _echo_socket(lab: Lab, source: str, target: str) -> socket.socket:
    icmp = socket_on(lab, source, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    icmp.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _DO)
    icmp.connect((target, 0))
    return icmp


def _echo(sequence: int, size: int) -> bytes:
    """Make an echo request of a packet of so many bytes."""
    payload = bytes(size - _HEADERS)
    checksum = 0xFFFF - (0x0800 + sequence + (0x0800 + sequence >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", 8, 0, checksum, 0, sequence) + payload
