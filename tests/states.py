"""Clusters, and states that their nodes may be in: strategies for hypothesis."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter as PrettyPrinter
from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.desired.model import Desired
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend, jump_to
from netplan.kinds.route.value import KERNEL, Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName
from netplan.netfilter.iptables.rule import Rule
from netplan.spec.load import Spec
from netplan.spec.topology import Node
from tests import make

RP_FILTER = "net.ipv4.conf.all.rp_filter"
BELOW = {make.POSTROUTING: make.MASQUERADE_CHAIN, make.FORWARD: make.FORWARD_CHAIN}

REMOVALS = (
    "nat, rule: -A POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE",
    "filter, rule: -A FORWARD -j REJECT --reject-with icmp-host-prohibited",
    "nat, rule: -A POSTROUTING -s {network} -d 224.0.0.0/4 -j ACCEPT",
    "filter, rule: -A DOCKER-ISOLATION-STAGE-2 -o {bridge} -j DROP",
)
FOREIGN = {
    make.POSTROUTING: make.rules(
        make.DOCKER_MASQUERADE,
        "-s 172.7.21.2/32 -d 172.7.21.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE",
        "-s 172.30.5.0/24 ! -o br-app -j MASQUERADE",
        '-s 172.7.21.2/32 -m comment --comment "name: \\"podnet\\" id: \\"c0ffee\\"" -j CNI-d8f89f003b3c9f238f5a19f6',
        "-s 172.7.0.0/16 -d 172.7.0.0/16 -j RETURN",
        "-s 172.7.0.0/16 -d 224.0.0.0/4 -j ACCEPT",
        "-m mark --mark 0x4000/0x4000 -j MASQUERADE",
        "-o eth0 -j SNAT --to-source 10.4.7.21",
        "-j MASQUERADE",
        "-j RETURN",
        "-j LOG",
    ),
    make.FORWARD: make.rules(
        make.REJECT,
        "-d 172.7.0.0/16 -j DROP",
        "-s 10.9.0.0/16 -j REJECT --reject-with icmp-port-unreachable",
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-i docker0 ! -o docker0 -j ACCEPT",
        "-m set --match-set blocked src -j DROP",
        "-j DOCKER-USER",
        "-j ACCEPT",
        "-j DROP",
    ),
}
BASES = ("", *(make.capture(name) for name in make.FOREIGN), make.docker())


class Case(Struct, frozen=True):
    """A cluster, one of its nodes, and a state of that node."""

    spec: Spec
    node: Node
    state: Snapshot

    def _repr_pretty_(self, printer: PrettyPrinter, cycle: bool) -> None:
        """Print what matters; hypothesis would print every field of every rule."""
        keys = {"ip_masq", "forward", "firewall", "sysctl", "nodes"}
        model = self.spec.model.model_dump(mode="json", include=keys)
        printer.text(f"{self.node.name} of {model}:\n{_listing(self.state)}")

    @property
    def desired(self) -> Desired:
        """What the node should have."""
        return compile_node(self.spec, self.node)

    @property
    def removed(self) -> dict[ChainKey, set[Rule]]:
        """The foreign rules that must not exist, by their chains."""
        removed: dict[ChainKey, set[Rule]] = {}
        for removal in self.desired.removals:
            removed.setdefault(removal.chain, set()).add(removal.rule)
        return removed


def _listing(state: Snapshot) -> str:
    lines = [f"{chain.key} {chain.policy}: {'; '.join(map(str, chain.rules))}" for chain in state.all(Chain)]
    return "\n".join([*lines, *map(str, state.all(Route)), *map(str, state.all(Sysctl))])


@st.composite
def specs(draw: st.DrawFn, size: int | None = None) -> Spec:
    """Draw a cluster of one to six nodes."""
    count = draw(st.integers(1, 6)) if size is None else size
    subnets = draw(st.permutations(range(21, 27)))[:count]
    nodes = [
        f"n{number}: {{address: 10.4.7.{21 + number}/24, subnet: 172.7.{subnet}.0/24}}"
        for number, subnet in enumerate(subnets)
    ]
    removals = ", ".join(
        "{table: " + text.replace("rule: ", 'rule: "') + '"}'
        for text in draw(st.lists(st.sampled_from(REMOVALS), unique=True))
    )
    masquerade, random_fully = draw(st.booleans()), draw(st.booleans())
    prefixes = draw(st.lists(st.sampled_from(["10.0.0.0/8", "192.168.0.0/16"]), unique=True))
    return make.spec(
        *nodes,
        ip_masq=f"{{enabled: {masquerade}, random_fully: {random_fully}, non_masquerade_cidrs: {prefixes}}}".lower(),
        forward=draw(st.sampled_from(["accept", "none"])),
        firewall=f"{{remove: [{removals}]}}",
        sysctl=draw(st.sampled_from(["{}", f"{{{RP_FILTER}: 2}}"])),
    )


def _insert(draw: st.DrawFn, rules: tuple[Rule, ...], rule: Rule) -> tuple[Rule, ...]:
    index = draw(st.integers(0, len(rules)))
    return (*rules[:index], rule, *rules[index:])


def _with_rules(state: Snapshot, key: ChainKey, rules: tuple[Rule, ...]) -> Snapshot:
    policy = state.chains[key].policy if key in state.chains else "ACCEPT"
    others = [chain for chain in state.all(Chain) if chain.key != key]
    return state.replace(Chain, [*others, Chain(key, rules, policy)])


@st.composite
def foreign_states(draw: st.DrawFn, address: str) -> Snapshot:
    """Draw a state that holds nothing of ours: what some program left, more rules, and other people's routes."""
    state = make.snapshot(
        draw(st.sampled_from(BASES)),
        make.route("0.0.0.0/0", "10.4.7.1", protocol=4),
        Sysctl(RP_FILTER, "0"),
        *draw(st.lists(st.sampled_from([make.route(protocol=188, metric=20), make.route("10.9.0.0/16")]), unique=True)),
        ip_forward=draw(st.sampled_from("01")),
        backend=draw(st.sampled_from(FirewallBackend)),
        address=address,
    )
    state = state.replace(Route, [route for route in state.all(Route) if not route.ours])
    for key, pool in FOREIGN.items():
        for rule in draw(st.lists(st.sampled_from(pool), max_size=4)):
            state = _with_rules(state, key, _insert(draw, state.rules(key), rule))
    if draw(st.booleans()):
        state = state.replace(Chain, [chain for chain in state.all(Chain) if chain.rules or chain.policy is None])
    return state


def _lose_a_route(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    return _routes(draw, state, lambda _: [])


def _misdirect_a_route(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    return _routes(draw, state, lambda route: [replace(route, next_hop=Address.parse("10.4.7.99"))])


def _routes(draw: st.DrawFn, state: Snapshot, change: Callable[[Route], list[Route]]) -> Snapshot:
    ours = [route for route in state.all(Route) if route.ours]
    if not ours:
        return state
    chosen = draw(st.sampled_from(ours))
    changed = [other for route in state.all(Route) for other in (change(route) if route == chosen else [route])]
    return state.replace(Route, changed)


def _leave_a_stale_route(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    stale = make.route(f"172.7.{draw(st.integers(100, 103))}.0/24", "10.4.7.9")
    others = [route for route in state.all(Route) if route.key != stale.key]
    return state.replace(Route, [*others, stale])


def _put_a_route_beside(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    """Put one of ours, or the kernel's own for an address of the bridge, before or behind one of ours."""
    others: list[dict[str, object]] = [
        {"next_hop": Address.parse("10.4.7.98")},
        {"type": "blackhole"},
        {"oif": IfName("docker0"), "next_hop": None, "protocol": KERNEL},
    ]
    fields = draw(st.sampled_from(others))
    behind = draw(st.booleans())

    def beside(route: Route) -> list[Route]:
        other = replace(route, **fields)
        return [route] if other in state.all(Route) else [route, other] if behind else [other, route]

    return _routes(draw, state, beside)


def _lose_a_jump(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    key = draw(st.sampled_from(list(BELOW)))
    return _with_rules(state, key, tuple(make.foreign_rules(state, key)))


def _duplicate_a_jump(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    key, below = draw(st.sampled_from(list(BELOW.items())))
    if below not in state.chains:
        return state
    return _with_rules(state, key, _insert(draw, state.rules(key), jump_to(below)))


def _edit_a_chain(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    key = draw(st.sampled_from(list(BELOW.values())))
    if key not in state.chains:
        return state
    rules = draw(st.sampled_from([(), make.rules("-j DROP"), state.rules(key)[1:], state.rules(key) * 2]))
    return state.replace(Chain, [Chain(key, rules) if chain.key == key else chain for chain in state.all(Chain)])


def _lose_ip_forward(_: st.DrawFn, state: Snapshot) -> Snapshot:
    return state.replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "0"), Sysctl(RP_FILTER, "0")])


def _overtake(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    key, pool = draw(st.sampled_from(list(FOREIGN.items())))
    return _with_rules(state, key, _insert(draw, state.rules(key), draw(st.sampled_from(pool))))


DAMAGES = (
    _lose_a_route,
    _misdirect_a_route,
    _leave_a_stale_route,
    _put_a_route_beside,
    _put_a_route_beside,
    _lose_a_jump,
    _duplicate_a_jump,
    _edit_a_chain,
    _lose_ip_forward,
    _overtake,
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a cluster and a node of it that podnet never touched, or that it configured once and others changed."""
    spec = draw(specs())
    node = draw(st.sampled_from(spec.topology.nodes))
    state = draw(foreign_states(str(node.address)))
    if draw(st.booleans()):
        earlier = draw(st.just(spec) | specs(size=len(spec.topology.nodes)))
        state = make.settled(compile_node(earlier, earlier.topology.by_name[node.name]), state)
        for damage in draw(st.lists(st.sampled_from(DAMAGES), max_size=3)):
            state = damage(draw, state)
    return Case(spec, node, state)


@st.composite
def meddled(draw: st.DrawFn, state: Snapshot) -> Snapshot:
    """Draw the state after others have taken some of their rules away and added new ones."""
    for key in BELOW:
        rules = tuple(
            rule
            for rule in state.rules(key)
            if rule not in make.foreign_rules(state, key) or draw(st.integers(0, 3)) != 0
        )
        for number in range(draw(st.integers(0, 2))):
            rules = _insert(draw, rules, make.rule(f"-s 10.200.{number}.0/24 -j ACCEPT"))
        if key in state.chains:
            state = _with_rules(state, key, rules)
    return state
