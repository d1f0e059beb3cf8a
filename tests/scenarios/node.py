"""A node of a lab as these tests look at it: what its kernel holds, and how it gets into the state of the story."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.lab import Lab
from tests.lab import resident
from tests.lab.inside import inside
from tests.scenarios.podnet import Outcome, podnet, run

ROOT: Final = Path(__file__).parents[2]
SPEC: Final = ROOT / "specs/hdss7.yaml"
STORY: Final = ROOT / "docs/story"

_LOAD: Final = """
rules=/run/$(uname -n).rules
cat > "$rules"
ip nexthop flush proto 112
ip -4 route flush table all proto 112
ip -4 route flush proto static
nft flush ruleset
for table in $(cat /proc/net/ip_tables_names); do
    printf '*%s\\nCOMMIT\\n' "$table" | iptables-legacy-restore
done
echo 1 > /proc/sys/net/ipv4/ip_forward
rm -f "$PODNET_VAR_DIR/sysctls.json" "$PODNET_VAR_DIR/saved-rules.json" "$PODNET_VAR_DIR/tables.json"
iptables-$1-restore --noflush "$rules"
"""

_LOOK: Final = """
ip -4 route show table all
echo ---
iptables-nft-save
echo ---
iptables-legacy-save
echo ---
nft --stateless list ruleset
echo ---
sysctl net.ipv4.ip_forward
"""


class State(NamedTuple):
    """What a node's kernel holds, as the system's own tools print it, without counters and dates."""

    routes: str
    nft: str
    legacy: str
    native: str
    forwarding: str


class Image(NamedTuple):
    """A state of a node that it can be put into again."""

    rules: str
    routes: tuple[str, ...]


class Node(Struct, frozen=True):
    """A node of the lab, the packet filter that its programs use, and the spec that podnet gets there."""

    lab: Lab
    name: str
    backend: str
    spec: Path

    def reset(self) -> None:
        """Put the node into the state that the story starts from: docker, kube-proxy, a distribution's firewall.

        Podnet has had no routes there: those that it had last are its own to put back.
        """
        self.shell('rm -rf "$PODNET_VAR_DIR/generations"')
        self.load(Image(self.story(), ()))

    def image(self) -> Image:
        """Record the rules and podnet's routes, to be put back by `load`."""
        routes = self.shell("ip -4 route show proto 112").splitlines()
        return Image(self.shell("iptables-$1-save", self.backend), tuple(routes))

    def load(self, image: Image) -> None:
        """Put the node into a state that was recorded."""
        self.shell(_LOAD, self.backend, text=image.rules)
        for route in image.routes:
            self.shell(f"ip route add {route} proto 112")

    def story(self) -> str:
        """Return the rules that the story starts from, as iptables-restore reads them."""
        subnet = "172.7.21.0/24" if self.name == "hdss7-21" else "172.7.22.0/24"
        files = [(STORY / f"{name}.rules").read_text() for name in ("docker", "kube-proxy", "distribution")]
        return "".join(files).replace("SUBNET", subnet)

    def podnet(self, *words: str | Path) -> Outcome:
        """Run podnet on the node."""
        return podnet(self.lab, self.name, *words)

    def patched(self, *words: str | Path) -> Outcome:
        """Run podnet on the node with what the test has changed of it in memory."""
        return inside(self.lab, self.name, run, [str(word) for word in words])

    def apply(self) -> Outcome:
        """Make the node what the spec says, without asking."""
        return self.podnet("apply", self.spec, "--yes")

    def drift(self, *options: str) -> Outcome:
        """Compare the node with the spec; the answer is JSON."""
        return self.podnet("drift", self.spec, "--format", "json", *options)

    def remove(self) -> Outcome:
        """Take podnet off the node, without asking."""
        return self.podnet("remove", self.spec, "--yes")

    def shell(self, script: str, *arguments: str, text: str = "") -> str:
        """Run a shell script on the node and give what it printed."""
        return resident.shell(self.lab, self.name, script, *arguments, text=text)

    def iptables(self, rule: str) -> None:
        """Run the node's iptables as another program would: `-t nat -I POSTROUTING ...`."""
        self.shell(f"iptables-{self.backend} {rule}")

    def state(self) -> State:
        """Read what the kernel holds."""
        return State(*(_without_counters(part) for part in self.shell(_LOOK).split("---\n")))

    def rules(self) -> str:
        """Read every rule that the node's iptables holds, as iptables-save prints it."""
        state = self.state()
        return state.nft if self.backend == "nft" else state.legacy


@contextmanager
def refused_route(node: Node, folder: Path) -> Iterator[tuple[str | Path, ...]]:
    """Return a spec, with what else is to be said, by whose route the node would send to itself: it is refused."""
    path = folder / "hdss7.yaml"
    path.write_text(node.spec.read_text().replace("interface: eth0", "interface: docker0"))
    node.shell("ip address add 10.4.7.22/32 dev lo")
    try:
        yield path, "--allow-off-link", "--node", node.name
    finally:
        node.shell("ip address del 10.4.7.22/32 dev lo")


def _without_counters(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(re.sub(r"\[\d+:\d+\]", "[0:0]", line) for line in lines)
