"""What `podnet lease` does: leases of nodes are freed, and nodes without a subnet get one. Nothing is written here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from netplan.errors import Problem, UsageError
from netplan.lease import LeaseRange, allocate
from netplan.likely import likely
from netplan.net import Prefix
from netplan.spec.constraints.constraint import nodes
from netplan.spec.constraints.subnets import without_any_subnet
from netplan.spec.draft import Family
from netplan.spec.leases import render_leases
from netplan.spec.load import Reading, Spec


class Leasing(Struct, frozen=True):
    """What came of it: subnets by nodes that were given and released, and those held for nodes outside the spec.

    `text` is what the leases file shall hold then.
    """

    spec: Spec
    given: Mapping[str, tuple[Prefix, ...]]
    released: Mapping[str, tuple[Prefix, ...]]
    held: Mapping[str, tuple[Prefix, ...]]
    text: str


def lease(reading: Reading, release: Collection[str]) -> Leasing:
    """Free the leases of some nodes, and give each node without a subnet the lowest that is free.

    SpecError (2) has the mistakes of the spec, and nodes for which no subnet is left; UsageError (2) refuses to free a
    lease that is in use and right.
    """
    released = _freed(reading, release)
    kept = replace(reading, leases=reading.leases.without(released))
    spec = kept.judge(complete=False)
    _check_release(reading, release, released)
    leases = {name: each.subnets for name, each in kept.leases.entries.items()}
    held = {name: subnets for name, subnets in leases.items() if name not in spec.model.nodes}
    given: dict[str, tuple[Prefix, ...]] = {}
    problems: list[Problem] = []
    for family in kept.draft.families:
        found, full = _allocate(kept, family, held)
        problems += full
        for name, subnet in found.items():
            given[name] = (*given.get(name, ()), subnet)
    if problems:
        raise kept.error(problems)
    after = {name: _in_order(leases.get(name, ()), given.get(name, ())) for name in {**leases, **given}}
    return Leasing(spec, dict(sorted(given.items())), released, held, render_leases(reading.leases, after))


def _in_order(*subnets: tuple[Prefix, ...]) -> tuple[Prefix, ...]:
    """Put the subnets of one node into the order of their IP versions."""
    return tuple(sorted(chain.from_iterable(subnets)))


def _allocate(
    reading: Reading, family: Family, held: Mapping[str, tuple[Prefix, ...]]
) -> tuple[dict[str, Prefix], list[Problem]]:
    """Give each node without a subnet of a family one; a problem if there are too few."""
    missing = without_any_subnet(reading.draft, family)
    if not missing or family.network is None:
        return {}, []
    within = LeaseRange.of(family.network, family.subnet_len, family.subnet_min, family.subnet_max)
    taken = {*family.subnets.values(), *reading.leases.subnets(family.version).values()}
    given = allocate(missing, taken, within)
    mine = {name for name, subnets in held.items() if any(each.version == family.version for each in subnets)}
    full = [_full(reading, family, within, given, mine)] if len(given) < len(missing) else []
    return given, full


def _freed(reading: Reading, release: Collection[str]) -> dict[str, tuple[Prefix, ...]]:
    """Give the subnets of nodes that are freed: all but those that a node has by its lease and may keep."""
    wrong = {at for each in reading.problems() for at in (each.at, *(at for at, _ in each.related))} if release else ()

    def stays(name: str, subnet: Prefix) -> bool:
        used = reading.draft.leased(name, subnet.version)
        return used and reading.leases.at(name, subnet.version) not in wrong

    entries = {name: each for name, each in reading.leases.entries.items() if name in release}
    return {name: tuple(each for each in lease.subnets if not stays(name, each)) for name, lease in entries.items()}


def _check_release(reading: Reading, release: Collection[str], freed: Mapping[str, Collection[Prefix]]) -> None:
    """Refuse to free what is not leased, and a lease that its node has and may keep."""
    entries = reading.leases.entries
    for name in release:
        if name not in entries:
            close = likely(name, entries)
            hint = f"; did you mean {close}?" if close else ""
            raise UsageError(f"{reading.leases.path} has no lease of {name}{hint}")
        if not freed[name]:
            used = " and ".join(map(str, entries[name].subnets))
            raise UsageError(
                f"{name} is in the spec and has the subnet {used} by its lease: "
                "take the node out of the spec first, or give it another subnet there"
            )


def _full(
    reading: Reading, family: Family, within: LeaseRange, given: Collection[str], held: Collection[str]
) -> Problem:
    missing = without_any_subnet(reading.draft, family)
    first, last = (Prefix(bound.version, bound.value, within.length) for bound in (within.first, within.last))
    message = (
        f"no subnet is left for {nodes(sorted({*missing} - {*given}))}: wanted {len(missing)}, "
        f"room for {within.size} ({first} to {last}), taken before {within.size - len(given)}"
    )
    hint = f"widen {family.key('subnet_min')} and {family.key('subnet_max')}, or the network"
    if held:
        hint = f"free what is held for nodes that left: {reading.leases.command(reading.path, '--release', min(held))}"
    return Problem(reading.document.places.value(family.key("network")), message, hint)
