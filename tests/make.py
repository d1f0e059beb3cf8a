"""Values for tests: what a test does not name is right, and does not matter to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from netplan.desired.compile import compile_node
from netplan.desired.hooks import hooks_of
from netplan.desired.model import Desired
from netplan.errors import Location
from netplan.kernel import Kernel
from netplan.kinds import registry
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend, is_our_jump
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, Reason, Resource
from netplan.kinds.route.value import KERNEL, Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.netfilter.iptables.rule import Rule, parse_rule_line
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.transaction import Journal, Transaction, run
from netplan.planning.differences import diff_node
from netplan.planning.plan import NodePlan, Plan, Source, plan_node
from netplan.planning.projection import project
from netplan.spec.load import Spec
from netplan.spec.topology import Node, Topology
from netplan.store.generations import Generation
from netplan.store.provenance import Provenance, boot_id
from netplan.store.store import Store
from tests.kernels.memory import MemoryKernel
from tests.spec.factory import load

CAPTURES: Final = Path(__file__).parent / "data" / "captures"
FOREIGN: Final = tuple(path.name for path in sorted(CAPTURES.glob("*.rules")) if not path.name.startswith("podnet-"))
"""The captured rules in which there is nothing of podnet's."""
STORY: Final = Path(__file__).parents[1] / "docs" / "story"

POSTROUTING: Final = ChainKey(4, "nat", "POSTROUTING")
FORWARD: Final = ChainKey(4, "filter", "FORWARD")
MASQUERADE_CHAIN: Final = ChainKey(4, "nat", "PODNET-POSTROUTING")
FORWARD_CHAIN: Final = ChainKey(4, "filter", "PODNET-FORWARD")

DOCKER_MASQUERADE: Final = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"
REJECT: Final = "-j REJECT --reject-with icmp-host-prohibited"
REMOVE: Final = (
    "{remove: ["
    '{table: nat, rule: "-A POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"}, '
    '{table: filter, rule: "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"}]}'
)
WHY: Final = Reason("a test")

_BUILT_IN: Final = {"nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"), "filter": ("INPUT", "FORWARD", "OUTPUT")}


def node(
    name="a",
    address="10.4.7.21/24",
    subnet="172.7.21.0/24",
    interface="eth0",
    bridge="docker0",
    *,
    mtu=1500,
    public_address: str | None = None,
) -> Node:
    """Make a node."""
    place = Location("s.yaml", 6, 3)
    parsed = InterfaceAddress.parse(address)
    public = None if public_address is None else Address.parse(public_address)
    return Node(name, (parsed,), (Prefix.parse(subnet),), IfName(interface), IfName(bridge), place, mtu, public)


def topology(*nodes: Node, network="172.7.0.0/16") -> Topology:
    """Make a cluster of the given nodes."""
    return Topology("c", (Prefix.parse(network),), nodes)


def spec(*nodes: str, **keys: str | None) -> Spec:
    """Make a spec from YAML: one text a node, and one a key; by default nodes a (.21) and b (.22) of cluster c."""
    return load(*nodes, **keys)


def desired(cluster_spec: Spec | None = None, name="a") -> Desired:
    """Compile one node of a spec."""
    cluster_spec = cluster_spec or spec()
    return compile_node(cluster_spec, cluster_spec.topology.by_name[name])


def rule(text: str) -> Rule:
    """Read a rule."""
    return Rule.parse(text)


def rules(*texts: str, version: int = 4) -> tuple[Rule, ...]:
    """Read rules of an IP version."""
    return tuple(Rule.parse(text, version=version) for text in texts)


def texts(rules: Iterable[Rule]) -> list[str]:
    """Return rules as text."""
    return list(map(str, rules))


def chains(saved: str) -> list[Chain]:
    """Read what iptables-save prints; the built-in chains of nat and filter are there also if it names none."""
    policies: dict[ChainKey, str | None] = {
        ChainKey(4, table, name): "ACCEPT" for table, names in _BUILT_IN.items() for name in names
    }
    parsed_rules: dict[ChainKey, list[Rule]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            policies[ChainKey(4, table, name)] = None if policy == "-" else policy
        elif line.startswith("-A"):
            name, parsed = parse_rule_line(line)
            parsed_rules.setdefault(ChainKey(4, table, name), []).append(parsed)
    return [Chain(key, tuple(parsed_rules.get(key, ())), policy) for key, policy in policies.items()]


def saved(nat: Sequence[str] = (), filter: Sequence[str] = ()) -> str:  # noqa: A002 - the table's name
    """Write the rules of POSTROUTING and of FORWARD as iptables-save does."""
    lines = ["*nat", *(f"-A POSTROUTING {text}" for text in nat), "*filter", *(f"-A FORWARD {text}" for text in filter)]
    return "\n".join(lines)


def dump(state: Snapshot) -> str:
    """Write the chains of a state as iptables-save does, table by table."""
    lines = []
    for table in dict.fromkeys(chain.key.table for chain in state.all(Chain)):
        chains_of = [chain for chain in state.all(Chain) if chain.key.table == table]
        lines += [f"*{table}", *(f":{chain.key.name} {chain.policy or '-'} [0:0]" for chain in chains_of)]
        lines += [f"-A {chain.key.name} {rule}" for chain in chains_of for rule in chain.rules] + ["COMMIT"]
    return "".join(f"{line}\n" for line in lines)


def capture(name: str) -> str:
    """Return what iptables-save printed on a node on which some program ran."""
    return (CAPTURES / name).read_text()


def docker() -> str:
    """Return docker's rules on node a, and a distribution's REJECT at the end of FORWARD."""
    return capture("docker-20.10-start-nft.rules").replace(
        "-A FORWARD -i docker0 -o docker0 -j ACCEPT", f"-A FORWARD -i docker0 -o docker0 -j ACCEPT\n-A FORWARD {REJECT}"
    )


def kube_proxy() -> str:
    """Return kube-proxy's rules on a node with pods of docker."""
    return capture("kube-proxy-1.30-iptables-clustercidr-with-docker-rule.rules")


def snapshot(
    rules="",
    *others: Resource,
    ip_forward="0",
    backend=FirewallBackend.NFT,
    address="10.4.7.21/24",
    bridge: str | None = "172.7.21.1/24",
) -> Snapshot:
    """Make the state of a node with an interface and a bridge; `rules` as iptables-save prints them."""
    carried = InterfaceAddress.parse(address)
    subnet = InterfaceAddress(Address(4, carried.prefix.value), carried.length).prefix
    return Snapshot.of(
        backend,
        [
            Link(IfName("lo"), 65536, up=True),
            Link(IfName("eth0"), 1500, up=True),
            Link(IfName("docker0"), 1500, up=True),
            LinkAddress(IfName("eth0"), carried),
            *([] if bridge is None else bridged(bridge)),
            Sysctl("net.ipv4.ip_forward", ip_forward),
            *chains(rules),
            Route(subnet, IfName("eth0"), protocol=2),
            *others,
        ],
    )


def bridged(address: str, device="docker0") -> tuple[LinkAddress, Route]:
    """Make an address of a bridge, and the route that the kernel makes for it."""
    carried = InterfaceAddress.parse(address)
    route = Route(carried.prefix, IfName(device), protocol=KERNEL, prefsrc=carried.address)
    return LinkAddress(IfName(device), carried), route


def route(prefix="172.7.22.0/24", via: str | None = "10.4.7.22", dev="eth0", protocol=112, metric=0) -> Route:
    """Make a route, one of ours by default."""
    next_hop = None if via is None else Address.parse(via)
    return Route(Prefix.parse(prefix), IfName(dev), next_hop, metric=metric, protocol=protocol)


def plan(state: Snapshot | None = None, cluster_spec: Spec | None = None, name="a", source=Source.LIVE) -> NodePlan:
    """Plan for one node."""
    return plan_node(desired(cluster_spec, name), snapshot() if state is None else state, source)


def plans(*nodes: NodePlan) -> Plan:
    """Make the plan of a cluster."""
    return Plan("c", "specs/c.yaml", "0" * 64, nodes)


def settled(wanted: Desired, state: Snapshot) -> Snapshot:
    """Return the state after everything that is wanted has been done."""
    return project(state, diff_node(wanted, state))


def origin(verb="apply", boot: str | None = None) -> Provenance:
    """Say that root applies the spec of cluster c on node a, in this boot by default."""
    address = Address.parse("10.4.7.21")
    when = "2026-07-01T12:00:00+02:00"
    return Provenance(verb, "a", address, "c", "specs/c.yaml", "0" * 64, "root (uid 0)", when, boot or boot_id())


def generation(store: Store, wanted: Desired, kernel: MemoryKernel, boot: str | None = None) -> Generation:
    """Apply what is wanted, and keep that as a generation."""
    journal = ApplyJournal(store, origin(boot=boot), WantedState(wanted.sysctls, hooks=hooks_of(wanted)))
    apply_desired(wanted, kernel, journal)
    return journal.finished()


class Unwritten:
    """A journal of which nothing is kept."""

    def opened(self, changes: Sequence[Change[Resource]], before: Snapshot) -> None:
        """Keep nothing."""

    def verified(self, after: Snapshot) -> None:
        """Keep nothing."""

    def undone(self) -> None:
        """Keep nothing."""


def apply_desired(wanted: Desired, kernel: Kernel, journal: Journal | None = None, *, fails: str = "") -> None:
    """Plan for a kernel as it is, and apply that; in the end a check may fail."""
    before = kernel.observe(wanted.interest)
    changes = tuple(plan_node(wanted, before, Source.LIVE).changes)
    transaction = Transaction(changes, before, wanted.interest, lambda now: tuple(diff_node(wanted, now)))
    run(transaction._replace(check=lambda _: (fails,) if fails else ()), kernel, journal or Unwritten())


def said(changes: Iterable[Change[Resource]]) -> list[str]:
    """Return changes in words: `create route 172.7.22.0/24 via 10.4.7.22 dev eth0`."""
    return [f"{change.action.value} {change.resource.kind} {change.resource}" for change in changes]


def content(state: Snapshot) -> dict[str, object]:
    """Return all that a state holds, rules and routes of one key in their order and everything else without one."""
    contents: dict[str, object] = {
        str(chain.key): [chain.policy, *texts(chain.rules)]
        for chain in state.all(Chain)
        if chain.rules or chain.policy is None  # a built-in chain without rules is there and is not there
    }
    several = {str(key): list(routes) for key, routes in state.routes.items() if routes[1:]}
    return (
        contents | several | {kind.kind: frozenset(state.all(kind)) for kind in registry.values() if kind is not Chain}
    )


def foreign_rules(state: Snapshot, key: ChainKey, without: Iterable[Rule] = ()) -> list[Rule]:
    """Return the rules of a chain that are not ours, in order, and without some of them."""
    excluded = {*without}
    return [rule for rule in state.rules(key) if not is_our_jump(rule) and rule not in excluded]
