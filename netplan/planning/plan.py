"""The plan of a node: every change from what its kernel holds to what it should, with the reason of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.checks import Check
from netplan.desired.hooks import Hook, hooks_of
from netplan.desired.model import Desired
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.link.value import Link
from netplan.kinds.registry import kind_of
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, Prefix
from netplan.planning import adoption, advice, sysctls
from netplan.planning.advice.case import Case
from netplan.planning.differences import diff_node
from netplan.planning.fingerprint import dependencies, digest
from netplan.planning.interest import interest_of, with_ground
from netplan.planning.obstacles import Obstacle, identity
from netplan.planning.projection import blocked, project
from netplan.planning.traffic.classes import TrafficClass, first_packets
from netplan.planning.traffic.effects import TrafficEffect, effects, has_no_pods
from netplan.planning.traffic.judge import blamed
from netplan.planning.traffic.peers import pods_of
from netplan.spec.load import Spec
from netplan.trace import Flow

_REPRESENTATIVES: Final = 4
"""How many subnets that are given up stand for all."""


class Source(StrEnum):
    """Where the state that a plan starts from was found."""

    LIVE = "live"
    RECORDED = "recorded"
    EMPTY = "empty"
    SPEC = "spec"


class NodePlan(Struct, frozen=True):
    """The changes of one node, in the order in which they are shown.

    `depends` has a digest of every part of the state that the changes depend on, by the part's name. `refusals` say why
    the plan can't be applied as it is; the `obstacles` among them stand in the way of some objects alone. `checks` say
    what must work once the plan is applied. `persist` is the file with the rules for the next boot. `sysctls` names
    the desired parameters, changed or not; `waiting` are those of missing devices. `hooks` say where our jumps are to
    stand, None if that is unknown. With `adopts` other programs' objects may become ours, with `puts_back` the
    routes that replaced ours. `effects` are shown beside the changes: they come from tracing the classes of
    `traffic`, on another node of the same likeness if `traced_on` names it. A saved plan is read with these classes
    alone, and without the obstacles: it is applied whole, or refused.
    """

    node: str
    address: Address
    source: Source
    backend: FirewallBackend
    changes: tuple[Change[Resource], ...]
    depends: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    checks: tuple[Check, ...] = ()
    persist: str | None = None
    adopts: bool = False
    puts_back: bool = False
    sysctls: tuple[str, ...] = ()
    waiting: tuple[Sysctl, ...] = ()
    hooks: tuple[Hook, ...] | None = None
    effects: tuple[TrafficEffect, ...] = ()
    traced_on: str | None = None
    traffic: tuple[TrafficClass, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A digest of the state that the plan depends on, and of nothing else."""
        return digest(dict(self.depends))

    @property
    def in_sync(self) -> bool:
        """Whether the node is in its desired state, nothing is refused, and no traffic is broken."""
        return not self.changes and not self.refusals and not self.broken

    @property
    def broken(self) -> tuple[TrafficEffect, ...]:
        """The traffic that will not fare as the spec wants when the plan has been applied."""
        return tuple(effect for effect in self.effects if effect.stays_broken)

    @property
    def interest(self) -> Interest:
        """What must be observed to see whether the plan still fits, and whether it has been applied."""
        wanted = Interest(sysctls=frozenset(self.sysctls))
        return with_ground(interest_of(self.changes)) | wanted


class Plan(Struct, frozen=True):
    """The plans of a cluster's nodes, and the spec they were made from."""

    cluster: str
    spec_path: str
    spec_sha256: str
    nodes: tuple[NodePlan, ...]

    @classmethod
    def of(cls, spec: Spec, nodes: Iterable[NodePlan]) -> Plan:
        """Return the plan of some nodes of a spec."""
        return cls(spec.model.cluster, spec.path, spec.sha256, tuple(nodes))

    @property
    def changes(self) -> Iterator[Change[Resource]]:
        """Every change of every node."""
        return (change for node in self.nodes for change in node.changes)


def restoring_plan(node: str, address: Address, changes: Iterable[Change[Resource]], now: Snapshot) -> NodePlan:
    """Return a plan of changes that restore an earlier state of a node."""
    changes = tuple(sorted(changes, key=_shown))
    return NodePlan(node, address, Source.LIVE, now.backend, changes, dependencies(changes, now))


def _shown(change: Change[Resource]) -> int:
    return kind_of(change.resource).shown.place


def plan_node(desired: Desired, snapshot: Snapshot, source: Source) -> NodePlan:
    """Return the plan from a node's observed state to its desired state."""
    changes = sorted(diff_node(desired, snapshot), key=_shown)
    late = sysctls.waiting(desired, snapshot)
    case = Case(desired, changes, snapshot, source is Source.LIVE, late)
    refusals = tuple(advice.refusals(case))
    return NodePlan(
        node=desired.node,
        address=desired.address,
        source=source,
        backend=snapshot.backend,
        changes=tuple(changes),
        depends=dependencies(changes, snapshot),
        warnings=tuple(advice.warnings(case)),
        refusals=tuple(map(str, refusals)),
        obstacles=tuple(reason for reason in refusals if isinstance(reason, Obstacle)),
        checks=desired.checks,
        persist=desired.persist,
        adopts=desired.adopts,
        puts_back=bool(adoption.replacing_routes(desired, snapshot)),
        sysctls=tuple(sorted(desired.sysctls)),
        waiting=late,
        hooks=hooks_of(desired),
    )


def beside(plan: NodePlan, obstacles: Collection[Obstacle], state: Snapshot) -> NodePlan:
    """Return the part of a plan that can be done despite the obstacles: without the changes that have to wait for them.

    `state` is that from which the plan starts. What stands in the way of the whole plan stays a refusal.
    """
    waits = blocked(plan.changes, obstacles)
    changes = tuple(change for change in plan.changes if identity(change.resource) not in waits)
    plan = with_effects(replace(plan, changes=changes), plan.traffic, state) if plan.traffic else plan
    texts = {obstacle.text for obstacle in obstacles}
    return replace(
        plan,
        changes=changes,
        depends=dependencies(changes, state),
        refusals=tuple(text for text in plan.refusals if text not in texts),
        obstacles=(),
        sysctls=tuple(name for name in plan.sysctls if (Sysctl.kind, name) not in waits),
    )


def with_effects(plan: NodePlan, traffic: Iterable[TrafficClass], whole: Snapshot) -> NodePlan:
    """Return the plan with what it does to traffic, traced through the whole state of its node."""
    traffic = tuple(traffic)
    after = project(whole, plan.changes) if plan.changes else whole
    traced = effects(traffic, whole, after)
    doubts = (
        f"{effect.probe.title} works now, and it is unknown whether it will: {blamed(effect.after_blame)}"
        for effect in traced
        if effect.doubted and effect.after_blame is not None
    )
    podless = (one.bridge for one in traffic if one.bridge is not None and has_no_pods(one.bridge, after))
    no_pods = (
        f"{bridge.link} has no carrier, and its routes are not used (ignore_routes_with_linkdown): it has no pods yet"
        for bridge in podless
    )
    warnings = tuple(dict.fromkeys((*plan.warnings, *doubts, *no_pods)))
    return replace(plan, effects=traced, traffic=traffic, warnings=warnings)


def _parted(desired: Desired, changes: Iterable[Change[Resource]], state: Snapshot) -> Iterator[TrafficClass]:
    """Return the packets from pods here to subnets whose routes of ours go; the first few stand for all.

    The spec wants nothing of them. The pods are of the bridge's prefix: the spec may have dropped its IP version.
    """
    routes = (change.before for change in changes if isinstance(change.before, Route) and change.after is None)
    left = [route.prefix for route in routes if _led(route)]
    if not left:
        return
    known = {subnet for traffic in desired.reported_traffic for node in traffic.nodes for subnet in node.subnets}
    lost = [prefix for prefix in left if prefix not in known]
    for own in _bridged(desired, state):
        for prefix in islice((prefix for prefix in lost if prefix.version == own.version), _REPRESENTATIVES):
            packets = first_packets(Flow.between(own, prefix), desired.reported_traffic[0].bridge)
            yield TrafficClass(f"pod -> {prefix}", replace(packets, source=pods_of(own)), None, accepted=False)


def _led(route: Route) -> bool:
    return route.ours and route.table == MAIN_TABLE and route.type == "unicast" and route.prefix.size > 4


def _bridged(desired: Desired, state: Snapshot) -> Iterator[Prefix]:
    """Return one prefix of the pods' bridge for each IP version that it has an address of."""
    bridge = desired.reported_traffic[0].bridge
    prefixes = (own.address.prefix for own in state.all(LinkAddress) if own.link == bridge)
    one = {prefix.version: prefix for prefix in prefixes if prefix.size > 4}
    yield from one.values()


def in_full(desired: Desired, whole: Snapshot, source: Source, traffic: Iterable[TrafficClass]) -> NodePlan:
    """Return the plan from the whole state of a node, with its effects on traffic if there is a bridge for its pods."""
    plan, bridge = plan_node(desired, whole, source), desired.reported_traffic[0].bridge
    if any(link.name == bridge for link in whole.all(Link)):
        return with_effects(plan, (*traffic, *_parted(desired, plan.changes, whole)), whole)
    missing = f"there is no bridge {bridge} on this node: what becomes of its pods' traffic is unknown"
    return replace(plan, warnings=(*plan.warnings, missing))
