"""What `podnet lease` does: leases of nodes are freed, and nodes without a subnet get one. Nothing is written here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from netplan.errors import Problem, UsageError
from netplan.lease import LeaseRange, allocate
from netplan.net import Prefix
from netplan.spec.checks import nodes, without_any_subnet
from netplan.spec.leases import render_leases
from netplan.spec.load import Reading, Spec
from netplan.spec.problems import spec_error


@dataclass(frozen=True, slots=True)
class Leasing:
    """What came of it: subnets by nodes that were given and released, and those held for nodes outside the spec.

    `text` is what the leases file shall hold then.
    """

    spec: Spec
    given: Mapping[str, Prefix]
    released: Mapping[str, Prefix]
    held: Mapping[str, Prefix]
    text: str


def lease(reading: Reading, release: Collection[str]) -> Leasing:
    """Free the leases of some nodes, and give each node without a subnet the lowest that is free.

    SpecError (2) has the mistakes of the spec, and nodes for which no subnet is left; UsageError (2) refuses to free a
    lease that is in use and right.
    """
    kept = replace(reading, leases=reading.leases.without(release))
    spec = kept.judge(complete=False)
    _check_release(reading, release)
    model = spec.model
    leases = {name: each.subnet for name, each in kept.leases.entries.items()}
    within = LeaseRange.of(model.network, model.subnet_len, model.subnet_min, model.subnet_max)
    missing = without_any_subnet(kept.draft)
    given = allocate(missing, {*spec.subnets.values(), *leases.values()}, within)
    held = {name: subnet for name, subnet in leases.items() if name not in model.nodes}
    if len(given) < len(missing):
        raise spec_error([_full(kept, within, missing, given, held)], kept.path, kept.text)
    released = {name: reading.leases.entries[name].subnet for name in release}
    return Leasing(spec, given, released, held, render_leases(reading.leases, {**leases, **given}))


def _check_release(reading: Reading, release: Collection[str]) -> None:
    """Refuse to free what is not leased, and a lease that its node has and may keep."""
    entries = reading.leases.entries
    wrong = {at for each in reading.problems() for at in (each.at, *(at for at, _ in each.related))}
    for name in release:
        if name not in entries:
            close = get_close_matches(name, entries, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"{reading.leases.path} has no lease of {name}{hint}")
        if reading.draft.leased(name) and reading.leases.at(name) not in wrong:
            raise UsageError(
                f"{name} is in the spec and has the subnet {entries[name].subnet} by its lease: "
                "take the node out of the spec first, or give it another subnet there"
            )


def _full(
    reading: Reading, within: LeaseRange, missing: Collection[str], given: Collection[str], held: Collection[str]
) -> Problem:
    first, last = (Prefix(bound.version, bound.value, within.length) for bound in (within.first, within.last))
    message = (
        f"no subnet is left for {nodes(sorted({*missing} - {*given}))}: wanted {len(missing)}, "
        f"room for {within.size} ({first} to {last}), taken before {within.size - len(given)}"
    )
    hint = "widen subnet_min and subnet_max, or the network"
    if held:
        hint = f"free what is held for nodes that left: {reading.leases.command(reading.path, '--release', min(held))}"
    return Problem(reading.document.places.value("network"), message, hint)
