"""`make bench`: podnet beside the tool that one would use instead, in one run on one machine.

Each scenario runs in a network namespace of its own. The table goes to stdout and, with the figures of the plot, to
bench/results.json.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import generate
from measure import Cost, median, run

HERE = Path(__file__).parent
PYTHON = sys.executable
PODNET = [PYTHON, "-m", "netplan"]
HEAD = "| what | podnet | against | takes | ratio | at most |\n|---|---|---|---|---|---|"
SIZES = (1_000, 4_000, 16_000, 65_536)
MAKE_INTERFACE = f"""
ip link set lo up
ip link add {generate.INTERFACE} type veth peer name switch
ip link set switch up
ip link set {generate.INTERFACE} up
ip address add {generate.address(0)}/12 dev {generate.INTERFACE}
ip link add {generate.BRIDGE} type bridge
ip link set {generate.BRIDGE} up
ip address add {generate.PODS[1]}/24 dev {generate.BRIDGE}
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: what, against what, what each took, their ratio, and what it should be at most."""

    what: str
    against: str
    ours: Cost
    theirs: Cost | None
    ratio: float | None
    target: str

    def __str__(self) -> str:
        theirs = "-" if self.theirs is None else f"{self.theirs.wall:.2f} s"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2g}" if self.ratio < 0.1 else f"{self.ratio:.2f}"
        ours = f"{self.ours.wall:.2f} s, {self.ours.cpu:.2f} s CPU, {self.ours.memory / 1e6:.0f} MB"
        return f"| {self.what} | {ours} | {self.against} | {theirs} | {ratio} | {self.target} |"


class Node:
    """The network namespace of this process as node 0 of a cluster, and the files that the scenario needs."""

    def __init__(self, folder: Path, nodes: int, *, backend: str = "host-gw", packet_filter: str = "nft") -> None:
        self.folder = folder
        self.file("nodes.csv", generate.nodes_csv(nodes))
        self.spec = self.file("spec.yaml", generate.spec("nodes.csv", backend, packet_filter))
        self.common = ["--node", generate.name(0)]
        shell(MAKE_INTERFACE)

    def file(self, name: str, text: str) -> Path:
        """Write a file and give its path."""
        path = self.folder / name
        path.write_text(text)
        return path

    @property
    def apply(self) -> list[str]:
        """The command that makes the node what its spec says."""
        return [*PODNET, "apply", str(self.spec), *self.common, "--yes"]

    @property
    def drift(self) -> list[str]:
        """The command that compares the node with its spec."""
        return [*PODNET, "drift", str(self.spec), *self.common]

    def flush(self) -> None:
        """Take every route of podnet's away, with its next hop or by itself: `ip route flush` refuses the former."""
        shell("ip nexthop flush proto 112 2>/dev/null || true; ip route flush proto 112")

    def remove(self) -> None:
        """Take away what podnet made, routes before their next hops.

        A namespace that ends with many next hops keeps every other change of routes on the machine waiting for minutes.
        """
        run([*PODNET, "remove", str(self.spec), *self.common, "--yes"])


def shell(script: str, text: str = "") -> None:
    """Run a shell script; SystemExit shows what it said if it fails."""
    done = subprocess.run(["sh", "-ec", script], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{script.strip()}: {done.stderr}")


def busy_node(folder: Path, packet_filter: str, *, numbered: bool = False) -> Iterator[Row]:
    """Compare drift on a node with 20,000 services with a look at table nat."""
    node = Node(folder, 100, packet_filter=packet_filter)
    shell(f"iptables-{packet_filter}-restore", generate.services(20_000, numbered=numbered))
    run(node.apply)
    ours = median(node.drift, 5)
    theirs = median([f"iptables-{packet_filter}-save", "-t", "nat"], 3)
    target = "1/25, CPU <= 0.30 s" if packet_filter == "nft" else "2"
    chains = ", its chains in the order of their names" if numbered else ""
    name = f"drift, in sync, 100 nodes, beside 140,000 lines of kube-proxy, {packet_filter}{chains}"
    yield Row(name, "iptables-save -t nat", ours, theirs, ours.wall / theirs.wall, target)


def small(folder: Path) -> Iterator[Row]:
    """Compare what is done often on small clusters with starting Python."""
    node = Node(folder, 10)
    run(node.apply)
    ours, theirs = median(node.drift, 9), median([PYTHON, "-c", "import pyroute2"], 9)
    yield Row("drift, in sync, 10 nodes", "import pyroute2", ours, theirs, ours.wall / theirs.wall, "2, <= 60 MB")
    bare = median([PYTHON, "-c", "pass"], 9)
    for name, words in (("--help", ["--help"]), ("validate, 10 nodes", ["validate", str(node.spec)])):
        ours = median([*PODNET, *words], 9)
        yield Row(name, "python -c pass", ours, bare, ours.wall / bare.wall, "8")


def from_empty(folder: Path, nodes: int, times: int, target: str, *, beyond_start: bool) -> Iterator[Row]:
    """Compare an apply on an empty node with `ip -batch` of the same routes."""
    node = Node(folder, nodes)
    run(node.apply)
    start = median(node.drift, times).wall if beyond_start else 0.0
    ours = median(node.apply, times, before=node.flush)
    node.flush()
    batch = node.file("routes", generate.routes(nodes))
    theirs = median(["ip", "-batch", str(batch)], times, before=node.flush)
    what = f"apply, {nodes:,} nodes, from empty" + (", beyond a drift of them" if beyond_start else "")
    yield Row(what, "ip -batch", ours, theirs, (ours.wall - start) / theirs.wall, target)


def tunnel(folder: Path, nodes: int) -> Iterator[Row]:
    """Compare an apply of a tunnel on an empty node with `ip -batch` and `bridge -batch` of the same entries."""
    node = Node(folder, nodes, backend="vxlan")

    def gone() -> None:
        shell("ip link del podnet.1 2>/dev/null || true")

    ours = median(node.apply, 3, before=gone)
    drift = median(node.drift, 3)
    gone()
    ip, bridge = (node.file(name, text) for name, text in zip(("ip", "bridge"), generate.tunnel(nodes), strict=True))
    theirs = median(["sh", "-ec", f"ip -batch {ip}; bridge -batch {bridge}"], 1, before=gone)
    peers = f"vxlan, {nodes - 1:,} peers"
    yield Row(f"apply, {peers}, from empty", "ip -batch; bridge -batch", ours, theirs, ours.wall / theirs.wall, "2")
    yield Row(f"drift, in sync, {peers}", "-", drift, None, None, "CPU <= 2.5 s")


def at_size(folder: Path, nodes: int) -> Iterator[Row]:
    """Compare drift in sync with a look at the same routes."""
    node = Node(folder, nodes)
    run(node.apply)
    ours = median(node.drift, 3)
    reader = "ip -j route show proto 112 | " + f"{PYTHON} -c 'import json, sys; json.load(sys.stdin)'"
    theirs = median(["sh", "-c", reader], 3)
    node.remove()
    target = "CPU <= 2.5 s, <= 400 MB" if nodes == SIZES[-1] else ""
    name = f"drift, in sync, {nodes:,} nodes"
    yield Row(name, "ip -j route, read as JSON", ours, theirs, ours.wall / theirs.wall, target)


def one_more(folder: Path, nodes: int, target: str) -> Iterator[Row]:
    """Measure a plan of every node for a cluster that gets one more."""
    old = Node(folder, nodes).spec
    new = folder / "new.yaml"
    new.write_text(generate.spec("new.csv"))
    (folder / "new.csv").write_text(generate.nodes_csv(nodes + 1))
    ours = median([*PODNET, "plan", str(new), "--against", str(old)], 1)
    yield Row(f"plan --against, one node added to {nodes:,}", "-", ours, None, None, target)


SCENARIOS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "small": small,
    "busy-nft": lambda folder: busy_node(folder, "nft"),
    "busy-nft-numbered": lambda folder: busy_node(folder, "nft", numbered=True),
    "busy-legacy": lambda folder: busy_node(folder, "legacy"),
    "apply-5000": lambda folder: from_empty(folder, 5_000, 3, "2", beyond_start=True),
    "apply-65536": lambda folder: from_empty(folder, 65_536, 1, "1/25", beyond_start=False),
    "vxlan-20000": lambda folder: tunnel(folder, 20_001),
    "against-5000": lambda folder: one_more(folder, 5_000, "<= 2 s"),
    "against-65000": lambda folder: one_more(folder, 65_000, "<= 15 s, <= 600 MB"),
    **{f"size-{nodes}": lambda folder, nodes=nodes: at_size(folder, nodes) for nodes in SIZES},
}


def _rows(name: str) -> list[Row]:
    """Run one scenario in a network namespace of its own."""
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Ur", "unshare", "-n"]
    done = subprocess.run([*unshare, PYTHON, __file__, "--here", name], stdout=subprocess.PIPE, text=True, check=True)
    return [row_of(row) for row in json.loads(done.stdout)]


def row_of(data: dict[str, Any]) -> Row:
    """Read a row that was written as JSON."""
    theirs = data["theirs"] and Cost(**data["theirs"])
    return Row(**{**data, "ours": Cost(**data["ours"]), "theirs": theirs})


def main() -> None:
    """Run the scenarios asked for, all by default, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--here", metavar="SCENARIO", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"PODNET_VAR_DIR": f"{folder}/var", "XTABLES_LOCKFILE": f"{folder}/xtables.lock"}
            sys.stdout.write(json.dumps([asdict(row) for row in SCENARIOS[chosen.here](Path(folder))]))
        return
    compileall.compile_dir(HERE.parent / "netplan", quiet=1)  # as pip does with what it installs, pyroute2 for one
    rows: list[Row] = []
    print(HEAD)
    for name in chosen.scenarios or SCENARIOS:
        for row in _rows(name):
            rows.append(row)
            print(row, flush=True)
    if not chosen.scenarios:
        machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
        data = {"machine": machine, "rows": [asdict(row) for row in rows]}
        (HERE / "results.json").write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
