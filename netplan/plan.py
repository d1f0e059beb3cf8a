"""The plan of a node: every change from what its kernel holds to what it should, with the reason of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from netplan import adoption, company, mtu
from netplan.compile import HOOKS, Desired
from netplan.differences import differences
from netplan.effects import Effect, effects
from netplan.freshness import dependencies, digest
from netplan.kinds.chain.value import Backend, Chain, PlacedRule
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address
from netplan.project import project
from netplan.resource import Change, Resource
from netplan.snapshot import Interest, Snapshot

_SHOWN: Final = ("link", "address", "route", "neighbour", "fdb", "chain", "rule", "sysctl")


class Source(StrEnum):
    """Where the state that a plan starts from was found."""

    LIVE = "live"
    RECORDED = "recorded"
    EMPTY = "empty"
    SPEC = "spec"


@dataclass(frozen=True)
class NodePlan:
    """The changes of one node, in the order in which people read them.

    `depends` holds a digest of every part of the state that the changes depend on, by the part's name; `refusals` say
    why the plan can't be applied as it is. `effects` are what people are shown besides; a saved plan is read without.
    With `adopts` objects of others may become ours.
    """

    node: str
    address: Address
    source: Source
    backend: Backend
    changes: tuple[Change[Resource], ...]
    depends: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = field(default=(), compare=False)
    adopts: bool = False

    @property
    def fingerprint(self) -> str:
        """A digest of the state that the plan depends on, and of nothing else."""
        return digest(dict(self.depends))

    @property
    def in_sync(self) -> bool:
        """Whether the node is what it should be, and nothing stands against it."""
        return not self.changes and not self.refusals

    @property
    def interest(self) -> Interest:
        """What must be observed to see whether the plan still fits, and whether it has been carried out."""
        resources = [change.resource for change in self.changes]
        chains = {resource.chain for resource in resources if isinstance(resource, PlacedRule)}
        chains |= {resource.key for resource in resources if isinstance(resource, Chain)}
        sysctls = {resource.name for resource in resources if isinstance(resource, Sysctl)}
        return Interest(frozenset({*chains, *HOOKS, *HOOKS.values()}), frozenset(), frozenset(sysctls))


@dataclass(frozen=True)
class Plan:
    """The plans of a cluster's nodes, and the spec they were made from."""

    cluster: str
    spec_path: str
    spec_sha256: str
    nodes: tuple[NodePlan, ...]

    @property
    def changes(self) -> Iterator[Change[Resource]]:
        """Every change of every node."""
        return (change for node in self.nodes for change in node.changes)


def plan_node(desired: Desired, snapshot: Snapshot, source: Source) -> NodePlan:
    """Compare what a node should have with what it has."""
    changes = sorted(differences(desired, snapshot), key=lambda change: _SHOWN.index(change.resource.kind))
    return NodePlan(
        node=desired.node,
        address=desired.address,
        source=source,
        backend=snapshot.backend,
        changes=tuple(changes),
        depends=dependencies(changes, snapshot),
        warnings=(
            *_doubts(desired, changes, snapshot),
            *mtu.warnings(desired, snapshot),
            *company.warnings(desired, snapshot),
        ),
        refusals=(
            *_in_the_way(desired, snapshot),
            *adoption.refusals(desired, snapshot),
            *company.refusals(desired, snapshot),
        ),
        adopts=desired.adopts,
    )


def with_effects(plan: NodePlan, desired: Desired, whole: Snapshot) -> NodePlan:
    """Give the plan with what it does to traffic, traced through the whole state of its node."""
    return replace(plan, effects=effects(desired, whole, project(whole, plan.changes)))


def _in_the_way(desired: Desired, snapshot: Snapshot) -> Iterator[str]:
    """Name the foreign routes that hold the place of one of ours: the kernel would take either, or replace it."""
    foreign = {route.key: route for route in snapshot.all(Route) if not route.ours}
    for want in desired.objects if foreign and not desired.adopts else ():
        route = foreign.get(want.resource.key) if isinstance(want.resource, Route) else None
        if route is not None:
            yield (
                f"route {want.resource} can't stand beside {route} from {route.installer}; "
                f"adopt it (backend: adopt: true), or take it away first: ip route del {route}"
            )


def _doubts(desired: Desired, changes: Iterable[Change[Resource]], snapshot: Snapshot) -> Iterator[str]:
    """Say what makes the plan unlikely to come true: interfaces that are not there, rules of another backend."""
    if desired.backend not in (None, snapshot.backend):
        yield f"the state is that of iptables-{snapshot.backend}, and the spec wants iptables-{desired.backend}"
    there = {link.name for link in snapshot.all(Link)}
    made = {want.resource.name for want in desired.objects if isinstance(want.resource, Link)}
    wanted = {change.after.oif for change in changes if isinstance(change.after, Route)}
    wanted |= {change.after.vxlan.device for change in changes if isinstance(change.after, Link) and change.after.vxlan}
    if there:
        missing = sorted(name for name in wanted - there - made if name is not None)
        yield from (f"there is no interface {name} on this node" for name in missing)
