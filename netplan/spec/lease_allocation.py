"""What `podnet lease` does: leases are freed and renamed, nodes without a subnet get one. Nothing is written here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from netplan.errors import Problem, UsageError
from netplan.net import Prefix
from netplan.spec.constraints.constraint import nodes
from netplan.spec.constraints.subnets import without_any_subnet
from netplan.spec.draft import Family
from netplan.spec.lease_file import Leases, render_leases
from netplan.spec.lease_range import LeaseRange, allocate
from netplan.spec.load import Reading, Spec
from netplan.text import did_you_mean


class Rename(Struct, frozen=True):
    """Another name for a node, which keeps its lease."""

    old: str
    new: str


class Leasing(Struct, frozen=True):
    """The outcome: subnets by nodes that were allocated and released, and those retained for nodes outside the spec.

    `text` is the new text of the leases file. `waiting` are the nodes that got nothing, since they may be those for
    which a lease is retained under another name.
    """

    spec: Spec
    allocated: Mapping[str, tuple[Prefix, ...]]
    released: Mapping[str, tuple[Prefix, ...]]
    retained: Mapping[str, tuple[Prefix, ...]]
    text: str
    renamed: Mapping[str, tuple[Prefix, ...]] = {}
    waiting: tuple[str, ...] = ()


def lease(reading: Reading, release: Collection[str], rename: Rename | None = None) -> Leasing:
    """Free and rename leases, and give each node without a subnet the lowest that is free.

    After a rename nothing is allocated as long as leases are retained for other nodes that left: these may have another
    name too. SpecError (2) has the mistakes of the spec, and nodes for which no subnet is left; UsageError (2) refuses
    to free a lease that is in use and right, and to rename what is not the same node.
    """
    named = reading if rename is None else replace(reading, leases=_renamed(reading, rename))
    released = _freed(named, release)
    kept = replace(named, leases=named.leases.without(released))
    spec = kept.judge(complete=False)
    _check_release(named, release, released)
    if rename is not None:
        _check_rename(reading, rename, spec)
    leases = {name: lease.subnets for name, lease in kept.leases.entries.items()}
    unclaimed = {name: subnets for name, subnets in leases.items() if name not in spec.model.nodes}
    waiting = _without_subnets(kept) if rename is not None and unclaimed else ()
    allocated = {} if waiting else _allocated(kept, unclaimed)
    after = {name: _in_order(leases.get(name, ()), allocated.get(name, ())) for name in {**leases, **allocated}}
    renamed = {name: leases[name] for name in ([rename.new] if rename else []) if name in leases}
    text = render_leases(reading.leases, after)
    return Leasing(spec, dict(sorted(allocated.items())), released, unclaimed, text, renamed, waiting)


def _without_subnets(reading: Reading) -> tuple[str, ...]:
    """Return the nodes without a subnet of any family, in the order of the spec."""
    return tuple(
        dict.fromkeys(chain(*(without_any_subnet(reading.draft, family) for family in reading.draft.families)))
    )


def _allocated(reading: Reading, unclaimed: Mapping[str, tuple[Prefix, ...]]) -> dict[str, tuple[Prefix, ...]]:
    """Return new subnets for the nodes that lack them; SpecError (2) if there are too few."""
    allocated: dict[str, tuple[Prefix, ...]] = {}
    problems: list[Problem] = []
    for family in reading.draft.families:
        subnets_of, full = _allocate(reading, family, unclaimed)
        problems += full
        for name, subnet in subnets_of.items():
            allocated[name] = (*allocated.get(name, ()), subnet)
    if problems:
        raise reading.error(problems)
    return allocated


def _in_order(*subnets: tuple[Prefix, ...]) -> tuple[Prefix, ...]:
    """Put the subnets of one node into the order of their IP versions."""
    return tuple(sorted(chain.from_iterable(subnets)))


def _allocate(
    reading: Reading, family: Family, unclaimed: Mapping[str, tuple[Prefix, ...]]
) -> tuple[dict[str, Prefix], list[Problem]]:
    """Return a subnet for each node without one of a family; a problem if there are too few."""
    missing = without_any_subnet(reading.draft, family)
    if not missing or family.network is None:
        return {}, []
    within = LeaseRange.of(family.network, family.subnet_len, family.subnet_min, family.subnet_max)
    taken = {*family.subnets.values(), *reading.leases.subnets(family.version).values()}
    allocated = allocate(missing, taken, within)
    mine = {name for name, subnets in unclaimed.items() if any(subnet.version == family.version for subnet in subnets)}
    full = [_full(reading, family, within, allocated, mine)] if len(allocated) < len(missing) else []
    return allocated, full


def _freed(reading: Reading, release: Collection[str]) -> dict[str, tuple[Prefix, ...]]:
    """Return the subnets of nodes that are freed: all but those that a node has by its lease and may keep."""
    wrong = (
        {at for problem in reading.problems() for at in (problem.at, *(at for at, _ in problem.related))}
        if release
        else ()
    )

    def stays(name: str, subnet: Prefix) -> bool:
        used = reading.draft.leased(name, subnet.version)
        return used and reading.leases.at(name, subnet.version) not in wrong

    entries = {name: lease for name, lease in reading.leases.entries.items() if name in release}
    return {
        name: tuple(subnet for subnet in lease.subnets if not stays(name, subnet)) for name, lease in entries.items()
    }


def _check_release(reading: Reading, release: Collection[str], freed: Mapping[str, Collection[Prefix]]) -> None:
    """Refuse to free what is not leased, and a lease that its node has and may keep."""
    entries = reading.leases.entries
    for name in release:
        if name not in entries:
            raise UsageError(f"{reading.leases.path} has no lease of {name}{_did_you_mean(name, entries)}")
        if not freed[name]:
            used = " and ".join(map(str, entries[name].subnets))
            raise UsageError(
                f"{name} is in the spec and has the subnet {used} by its lease: "
                "take the node out of the spec first, or give it another subnet there"
            )


def renamed_back(reading: Reading, later: Spec) -> Reading:
    """Return an older spec in which nodes that got new names since, by their addresses, have the leases of these."""
    if reading.model is None:
        return reading
    names = {address.address: node.name for node in later.topology.nodes for address in node.addresses}
    leases = reading.leases
    for old in _without_subnets(reading):
        addresses = [reading.model.nodes[old].own_address(version) for version in (4, 6)]
        new = next(
            (names[address.address] for address in addresses if address is not None and address.address in names), None
        )
        if new is not None and new in leases.entries and new not in reading.model.nodes and old not in leases.entries:
            leases = leases.renamed(new, old)
    return reading if leases is reading.leases else replace(reading, leases=leases)


def _renamed(reading: Reading, rename: Rename) -> Leases:
    """Return the leases as they are after a rename, or as they are now where it would overwrite one."""
    leases = reading.leases
    return leases if rename.new in leases.entries else leases.renamed(rename.old, rename.new)


def _check_rename(reading: Reading, rename: Rename, spec: Spec) -> None:
    """Refuse a rename unless a node has the new name and no lease yet, and none has the old name, whose lease it is."""
    old, new = rename.old, rename.new
    leases, names = reading.leases, spec.model.nodes
    if old not in leases.entries:
        raise UsageError(f"{leases.path} has no lease of {old}{_did_you_mean(old, leases.entries)}")
    if old in names:
        raise UsageError(f"{old} is in the spec, and its lease is its own: give the node its new name there first")
    if new not in names:
        raise UsageError(
            f"there is no node {new} in the spec{_did_you_mean(new, names)}: give it that name there first"
        )
    if new in leases.entries:
        subnets = " and ".join(map(str, leases.entries[new].subnets))
        raise UsageError(
            f"{new} has a lease already, {subnets}: if nothing uses it yet, delete that line "
            f"({leases.entry_at(new)}), and run this again"
        )


def _did_you_mean(word: str, words: Iterable[str]) -> str:
    close = did_you_mean(word, words)
    return f"; did you mean {close}?" if close else ""


def _full(
    reading: Reading, family: Family, within: LeaseRange, allocated: Collection[str], former: Collection[str]
) -> Problem:
    missing = without_any_subnet(reading.draft, family)
    first, last = (Prefix(bound.version, bound.value, within.length) for bound in (within.first, within.last))
    message = (
        f"no subnet is left for {nodes(sorted({*missing} - {*allocated}))}: wanted {len(missing)}, "
        f"room for {within.size} ({first} to {last}), taken before {within.size - len(allocated)}"
    )
    hint = f"widen {family.key('subnet_min')} and {family.key('subnet_max')}, or the network"
    if former:
        hint = (
            f"free what is held for nodes that left: {reading.leases.command(reading.path, '--release', min(former))}"
        )
    return Problem(reading.document.places.value(family.key("network")), message, hint)
