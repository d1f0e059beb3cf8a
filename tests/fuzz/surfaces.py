"""The files that podnet reads, how hostile ones are made of good ones, and the commands that read them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct

from netplan.errors import ObserveError
from netplan.kinds import snapshot_json
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.saved import saved_tables
from netplan.kinds.chain.value import Chain
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.lab.build import setups
from netplan.lab.layout import lay_out
from netplan.net import IfName
from netplan.spec.load import read
from netplan.spec.topology import Node
from netplan.store.provenance import boot_id
from tests.fuzz.mutation import Change, by_bytes, in_json, in_json_lines, in_words, in_yaml
from tests.fuzz.sandbox import CheckedKernel, FindingError, Outcome, enter, podnet

ROOT: Final = Path(__file__).parents[2]
OLD: Final = ROOT / "tests/data/0.1.0"
CAPTURES: Final = ROOT / "tests/data/captures"
SPECS: Final = tuple(sorted((ROOT / "specs").glob("*.yaml")))
TOLD: Final = ("hdss7", "flannel-vxlan")
NODES: Final = {"hdss7": "hdss7-21", "flannel-vxlan": "master"}
PODS: Final = {"hdss7": ("172.7.21.2", "--to", "172.7.22.2"), "flannel-vxlan": ("10.244.0.2", "--to", "10.244.1.2")}

_CHAIN: Final = re.compile(rb"-A (\S+)")
_OURS: Final = re.compile(rb":PODNET-|(?:\[\S+\] )?-A (?:PODNET-|.* -[jg] PODNET-)")

Run = Callable[[Path, bytes, Random], None]


class Surface(Struct, frozen=True):
    """A kind of file: good ones, how they are changed, and what is done with one in a folder of its own."""

    seeds: Callable[[], Sequence[bytes]]
    change: Change
    run: Run
    share: int


def contents(*paths: Path) -> Callable[[], Sequence[bytes]]:
    """Return what reads the files once."""
    return cache(lambda: tuple(path.read_bytes() for path in paths))


@cache
def _snapshot(path: Path) -> Snapshot:
    return snapshot_json.from_json(json.loads(path.read_bytes()))


def _cluster(data: bytes) -> str:
    """Return which cluster's node a file is of."""
    return "flannel-vxlan" if b"flannel" in data else "hdss7"


def _kernel(cluster: str, state: str) -> None:
    enter(CheckedKernel(_snapshot(OLD / cluster / f"{state}.json")))


def _at(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _machine(node: Node) -> Snapshot:
    """Return what the kernel of a node holds on which docker and others run, and podnet does not."""
    observed = _snapshot(OLD / "hdss7/found.json")
    links = [Link(name, 9000, up=True) for name in {IfName("lo"), node.interface, node.bridge}]
    addresses = [LinkAddress(node.interface, address) for address in node.addresses]
    routes = [Route(address.prefix, node.interface, protocol=2) for address in node.addresses]
    return observed.replace(Link, links).replace(LinkAddress, addresses).replace(Route, routes)


def _spec(folder: Path, data: bytes, random: Random) -> None:
    _at(folder, "nodes.csv", CSV[0])
    _at(folder, "state/leased/leases.yaml", LEASES()[0])
    spec = _at(folder, "spec.yaml", data)
    done = podnet(folder, "validate", spec)
    if done.code == 0:
        _carry_out(folder, spec, random, strays=b"persist" in data)


def _carry_out(folder: Path, spec: Path, random: Random, *, strays: bool) -> None:
    """Use a spec that is valid: its plans, its lab's commands, and an apply on a node with an odd kernel."""
    podnet(folder, "compile", spec, "--format", random.choice(("text", "json")))
    podnet(folder, "plan", spec, "--state", "state", "--format", random.choice(("text", "json", "markdown")))
    topology = read(spec, folder / "state").topology
    for setup in setups(lay_out(topology)):
        lines = (*map(str, setup.steps), *(rule for rules in setup.rules.values() for rule in rules))
        if any(not line.isprintable() for line in (*lines, *setup.sysctls)):
            raise FindingError(f"a batch of the lab out of form: {lines}")
    node = random.choice(topology.nodes)
    enter(CheckedKernel(_machine(node)))
    for verb in ("apply", "drift", "remove"):
        words = () if verb == "drift" else ("--yes",)
        podnet(folder, verb, spec, "--node", node.name, "--state", "state", "--var-dir", "var", *words, strays=strays)


CSV: Final = (
    b"name,address,subnet\na,10.4.7.21/24,172.7.21.0/24\nb,10.4.7.22/24,172.7.22.0/24\n",
    b"""name,address,subnet,mtu,interface,blackhole
a,10.4.7.21/24,172.7.21.0/24,1400,eth0,true
b,10.4.7.22/24,172.7.22.0/24,,,
""",
)
LINES: Final = b"""{"name": "a", "address": "10.4.7.21/24", "subnet": "172.7.21.0/24"}
{"name": "b", "address": "10.4.7.22/24", "subnet": "172.7.22.0/24", "mtu": 1400, "sysctl": {"net.ipv4.ip_forward": 1}}
"""


def _nodes(name: str) -> Run:
    def run(folder: Path, data: bytes, random: Random) -> None:
        _at(folder, name, data)
        text = f"version: 1\ncluster: c\nnetwork: 172.7.0.0/16\nbackend: {{type: vxlan}}\nnodes_file: {name}\n"
        spec = _at(folder, "spec.yaml", text.encode())
        done = podnet(folder, "validate", spec)
        if done.code == 0:
            _carry_out(folder, spec, random, strays=False)

    return run


def _leases(folder: Path, data: bytes, random: Random) -> None:
    _at(folder, "state/leased/leases.yaml", data)
    spec = _at(folder, "leased.yaml", (ROOT / "specs/leased.yaml").read_bytes())
    podnet(folder, "validate", spec, "--state", "state")
    if podnet(folder, "lease", spec, "--state", "state").code == 0:
        done = podnet(folder, "validate", spec, "--state", "state")
        if done.code:
            raise FindingError(f"a lease that is not valid was made: {done.stderr}")


def _records(folder: Path, data: bytes, random: Random) -> None:
    cluster = _cluster(data)
    node = NODES[cluster]
    _at(folder, f"state/{cluster}/{node}.json", data)
    spec = OLD / cluster / "spec.yaml"
    form = random.choice(("text", "json", "markdown"))
    podnet(folder, "plan", spec, "--node", node, "--state", "state", "--format", form)
    way = ("--from", *random.choice((PODS[cluster], PODS[cluster][::-1])), "--proto", "tcp", "--dport", "80")
    podnet(folder, "trace", spec, "--node", node, "--state", "state", *random.choice((way, (*way, "--planned"))))


def _plans(folder: Path, data: bytes, random: Random) -> None:
    cluster = _cluster(data)
    _kernel(cluster, random.choice(("first", "first", "found")))
    plan = _at(folder, "plan.json", data)
    words = ("--node", NODES[cluster], *random.choice(((), ("--yes",))))
    podnet(folder, "apply", plan, "--state", "state", "--var-dir", "var", *words, strays=b"persist" in data)


def _remembers(name: str, *, applied: str) -> Run:
    """Return what puts a file among those that podnet remembers, and has it read by every verb that does."""

    def run(folder: Path, data: bytes, random: Random) -> None:
        cluster = _cluster(data)
        shutil.copytree(OLD / cluster / "settled", folder / "var", copy_function=shutil.copyfile)
        here = boot_id().encode()
        for boot in set(_boots(folder / "var")):
            data = data.replace(boot, random.choice((here, here, here, boot)))
        if random.randrange(2):
            data = re.sub(rb'"deadline": [0-9.]+', b'"deadline": 1.0', data)
        _at(folder, "rules.v4", RULES()[0])
        _at(folder, f"var/{name}", data.replace(b"/nowhere", bytes(folder)))
        (folder / "var").chmod(0o700)
        _kernel(cluster, applied)
        spec, node = OLD / cluster / "spec.yaml", NODES[cluster]
        _read_back(folder, spec, node, random)

    return run


def _boots(folder: Path) -> list[bytes]:
    return [json.loads(path.read_bytes())["boot_id"].encode() for path in folder.rglob("*.json")]


def _read_back(folder: Path, spec: Path, node: str, random: Random) -> None:
    verbs: tuple[tuple[str | Path, ...], ...] = (
        ("history", "--format", "json"),
        ("recover",),
        ("rollback", "--yes"),
        ("rollback", "1", "--yes"),
        ("drift", spec, "--node", node),
        ("remove", spec, "--node", node, "--yes"),
        ("apply", spec, "--node", node, "--yes"),
    )
    for words in random.sample(verbs, 3):
        podnet(folder, *words, "--var-dir", "var", strays=(folder / "var/saved-rules.json").exists())


def _rules_file(folder: Path, data: bytes, random: Random) -> None:
    """Put podnet's rules into a file and take them out again: what can be read is as before."""
    _kernel("hdss7", "found")
    rules = _at(folder, "rules.v4", data)
    text = (OLD / "hdss7/spec.yaml").read_text().replace("firewall:\n", f"firewall:\n  persist: {rules}\n")
    spec = _at(folder, "spec.yaml", text.encode())
    before = _lines(rules)
    options = ("--node", "hdss7-21", "--var-dir", "var")
    done = podnet(folder, "apply", spec, "--yes", *options)
    if (
        done.code == 0
        and _ended(podnet(folder, "remove", spec, "--yes", *options))
        and _foreign(before) != _lines(rules)
    ):
        raise FindingError("what was taken out of the file is not back in it")


def _ended(done: Outcome) -> bool:
    return done.code == 0 and "can't be put back" not in done.stderr


def _lines(path: Path) -> list[bytes]:
    """Return the lines that a program reads, the rules of a chain in their order; podnet removes an empty file."""
    data = path.read_bytes() if path.exists() else b""
    lines = [line for line in data.replace(b"\r\n", b"\n").split(b"\n") if line and not line.startswith(b"#")]
    table, placed = 0, list[tuple[int, bytes, bytes]]()
    for line in lines:
        table += line.startswith(b"*")
        chain = _CHAIN.search(line)
        placed.append((table, chain[1] if chain else b"", line))
    return [line for _, _, line in sorted(placed, key=lambda place: place[:2])]


def _foreign(lines: Sequence[bytes]) -> list[bytes]:
    return [line for line in lines if not _OURS.match(line)]


def _dump(folder: Path, data: bytes, random: Random) -> None:
    """Let the kernel hold other programs' rules with odd texts, and plan, apply and remove among them."""
    observed = _snapshot(OLD / "hdss7/found.json").replace(Chain, ())
    text = data.decode(errors="surrogateescape")
    try:
        tables = tuple(saved_tables(text))
        chains = [table.chain(name) for table in tables for name in table.policies]
        kernel = CheckedKernel(observed.replace(Chain, {chain.key: chain for chain in chains}.values()), tables)
    except ObserveError:
        kernel = CheckedKernel(observed)
    enter(kernel)
    spec = OLD / "hdss7" / random.choice(("spec.yaml", "before.yaml"))
    options = ("--node", "hdss7-21", "--var-dir", "var")
    podnet(folder, "drift", spec, *options, "--format", random.choice(("text", "json")))
    for verb in ("apply", "remove"):
        podnet(folder, verb, spec, "--yes", *options)


LEASES: Final = contents(ROOT / "state/leased/leases.yaml")
RULES: Final = contents(*sorted(CAPTURES.glob("*.rules")))
RECORDS: Final = contents(*(OLD / name / f"{state}.json" for name in TOLD for state in ("found", "half", "second")))
PLANS: Final = contents(*(OLD / name / "plan.json" for name in TOLD))
JOURNALS: Final = contents(
    *(OLD / name / state / "journal.json" for name in TOLD for state in ("pending", "interrupted"))
)
GENERATIONS: Final = contents(*(OLD / name / "settled/generations/000002.json" for name in TOLD))
SETTINGS: Final = contents(OLD / "hdss7/settled/sysctls.json")

SAVED_RULES: Final = b"""{"format_version": "1.0", "files": [{
 "path": "/nowhere/rules.v4", "version": 4, "since": 1, "chains": [{
  "version": 4, "table": "filter", "chain": "FORWARD", "lines": ["[0:0] -A FORWARD -i a -j LOG", "-A FORWARD -j DROP"],
  "taken": [{"index": 1, "generation": 1}], "led_to": []}]}]}"""

TABLES: Final = b'{"format_version": "1.0", "boot_id": "HERE", "tables": ["ip nat", "ip6 filter"]}'

SURFACES: Final = {
    "spec": Surface(contents(*SPECS), by_bytes, _spec, 15),
    "spec-keys": Surface(contents(*SPECS), in_yaml, _spec, 18),
    "nodes-csv": Surface(lambda: CSV, in_words, _nodes("nodes.csv"), 10),
    "nodes-jsonl": Surface(lambda: (LINES,), in_json_lines, _nodes("nodes.jsonl"), 10),
    "leases": Surface(LEASES, in_yaml, _leases, 6),
    "records": Surface(RECORDS, in_json, _records, 10),
    "plans": Surface(PLANS, in_json, _plans, 8),
    "journals": Surface(JOURNALS, in_json, _remembers("journal.json", applied="half"), 6),
    "generations": Surface(GENERATIONS, in_json, _remembers("generations/000002.json", applied="second"), 5),
    "sysctls": Surface(SETTINGS, in_json, _remembers("sysctls.json", applied="second"), 1),
    "tables": Surface(
        lambda: (TABLES.replace(b"HERE", boot_id().encode()),), in_json, _remembers("tables.json", applied="second"), 1
    ),
    "saved-rules": Surface(lambda: (SAVED_RULES,), in_json, _remembers("saved-rules.json", applied="second"), 2),
    "rules-file": Surface(RULES, in_words, _rules_file, 4),
    "kernel-rules": Surface(RULES, in_words, _dump, 4),
}
"""Every kind of file by its name; `share` is how many of a hundred inputs are of it."""
