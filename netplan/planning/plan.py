"""The plan of a node: every change from what its kernel holds to what it should, with the reason of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.checks import Check
from netplan.desired.hooks import Hook, hooks_of
from netplan.desired.model import Desired
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.link.value import Link
from netplan.kinds.registry import kind_of
from netplan.kinds.resource import Change, Resource
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address
from netplan.planning import adoption, advice, deferred_sysctls
from netplan.planning.advice.case import Case
from netplan.planning.differences import diff_node
from netplan.planning.fingerprint import dependencies, digest
from netplan.planning.interest import interest_of, with_ground
from netplan.planning.obstacles import Obstacle, identity
from netplan.planning.projection import blocked, project
from netplan.planning.traffic.departures import parted
from netplan.planning.traffic.effects import TrafficEffect, effects
from netplan.planning.traffic.probe import Probe
from netplan.spec.load import Spec


class Source(StrEnum):
    """Where the state that a plan starts from was found."""

    LIVE = "live"
    RECORDED = "recorded"
    EMPTY = "empty"
    SPEC = "spec"


class NodePlan(Struct, frozen=True):
    """The changes of one node, in the order in which people read them.

    `depends` holds a digest of every part of the state that the changes depend on, by the part's name; `refusals` say
    why the plan can't be applied as it is, of which `obstacles` stand in the way of some objects alone, `checks`
    what must work once it has been, `persist` is the file that has the rules for the next boot, `sysctls` names the
    parameters that are wanted, changed or not, `waiting` are those of devices that are not there yet, and `hooks`
    say where our jumps are to stand, None if that is not known. With `adopts` objects of others may become ours,
    with `puts_back` routes that replaced ours. `effects` are what people are shown besides, found by tracing the
    `probes`, on another node that is alike if `traced_on` names it; a saved plan is read with the probes alone, and
    without the obstacles: it is applied whole, or refused.
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
    probes: tuple[Probe, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A digest of the state that the plan depends on, and of nothing else."""
        return digest(dict(self.depends))

    @property
    def in_sync(self) -> bool:
        """Whether the node is what it should be, nothing stands against it, and no traffic is broken."""
        return not self.changes and not self.refusals and not self.broken

    @property
    def broken(self) -> tuple[TrafficEffect, ...]:
        """The traffic that will fare otherwise than the spec wants when the plan has been carried out."""
        return tuple(effect for effect in self.effects if effect.stays_broken)

    @property
    def interest(self) -> Interest:
        """What must be observed to see whether the plan still fits, and whether it has been carried out."""
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


def restoring(node: str, address: Address, changes: Iterable[Change[Resource]], now: Snapshot) -> NodePlan:
    """Make a plan of changes that bring back an earlier state of a node."""
    changes = tuple(sorted(changes, key=_shown))
    return NodePlan(node, address, Source.LIVE, now.backend, changes, dependencies(changes, now))


def _shown(change: Change[Resource]) -> int:
    return kind_of(change.resource).shown.place


def plan_node(desired: Desired, snapshot: Snapshot, source: Source) -> NodePlan:
    """Compare what a node should have with what it has."""
    changes = sorted(diff_node(desired, snapshot), key=_shown)
    late = deferred_sysctls.waiting(desired, snapshot)
    case = Case(desired, changes, snapshot, source is Source.LIVE, late)
    against = tuple(advice.refusals(case))
    return NodePlan(
        node=desired.node,
        address=desired.address,
        source=source,
        backend=snapshot.backend,
        changes=tuple(changes),
        depends=dependencies(changes, snapshot),
        warnings=tuple(advice.warnings(case)),
        refusals=tuple(map(str, against)),
        obstacles=tuple(reason for reason in against if isinstance(reason, Obstacle)),
        checks=desired.checks,
        persist=desired.persist,
        adopts=desired.adopts,
        puts_back=bool(adoption.replacing_routes(desired, snapshot)),
        sysctls=tuple(sorted(desired.sysctls)),
        waiting=late,
        hooks=hooks_of(desired),
    )


def beside(plan: NodePlan, obstacles: Collection[Obstacle], state: Snapshot) -> NodePlan:
    """Return what of a plan can be done where the obstacles stay: without the changes that have to wait for them.

    `state` is that from which it starts. What stands in the way of the whole plan stays a refusal.
    """
    waits = blocked(plan.changes, obstacles)
    changes = tuple(change for change in plan.changes if identity(change.resource) not in waits)
    texts = {obstacle.text for obstacle in obstacles}
    return replace(
        plan,
        changes=changes,
        depends=dependencies(changes, state),
        refusals=tuple(text for text in plan.refusals if text not in texts),
        obstacles=(),
        sysctls=tuple(name for name in plan.sysctls if (Sysctl.kind, name) not in waits),
    )


def with_effects(plan: NodePlan, found: Iterable[Probe], whole: Snapshot) -> NodePlan:
    """Return the plan with what it does to traffic, traced through the whole state of its node."""
    found = tuple(found)
    return replace(plan, effects=effects(found, whole, project(whole, plan.changes)), probes=found)


def in_full(desired: Desired, whole: Snapshot, source: Source, found: Iterable[Probe]) -> NodePlan:
    """Plan from the whole state of a node, and say what that does to traffic, once there is a bridge for its pods."""
    plan, bridge = plan_node(desired, whole, source), desired.reported_traffic[0].bridge
    if any(link.name == bridge for link in whole.all(Link)):
        return with_effects(plan, (*found, *parted(desired, plan.changes, whole)), whole)
    missing = f"there is no bridge {bridge} on this node: what becomes of its pods' traffic is not known"
    return replace(plan, warnings=(*plan.warnings, missing))
