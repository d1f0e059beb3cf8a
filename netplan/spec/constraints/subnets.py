"""Constraints on the nodes' subnets, from the spec and from leases."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.errors import Problem
from netplan.spec.constraints.constraint import each_family, misspelt, network_note, nodes
from netplan.spec.draft import Draft, Family, without_subnet
from netplan.spec.prefixes import around, nested


@each_family
def check_subnets_present(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every node has a subnet, its own or a leased one; nodes without one are one problem, since one command helps."""
    key = family.key("subnet")
    names = [name for name in without_any_subnet(draft, family) if not misspelt(draft, name, key)]
    if names and draft.leases.known:
        message = f"{nodes(names)} {'has' if len(names) == 1 else 'have'} no {key}"
        hint = f"run {draft.leases.command(draft.places.path)}, or write the subnet here"
        if left := [name for name in draft.leases.subnets(family.version) if name not in (draft.nodes or {})]:
            rename = draft.leases.command(draft.places.path, "--rename", left[0], names[0])
            hint += f"; if {names[0]} is {left[0]} with a new name: {rename}"
        yield Problem(draft.places.key("nodes", names[0]), message, hint)


@each_family
def check_leases_agree(draft: Draft, family: Family) -> Iterator[Problem]:
    """A node whose subnet stands in the spec has no other one among the leases."""
    for name, lease in draft.leases.subnets(family.version).items():
        subnet = family.subnets.get(name)
        if subnet is None or subnet == lease:
            continue
        message = f"node {name}: the lease {lease} is not the subnet of the spec, {subnet}"
        hint = f"take the subnet out of the spec, or drop the lease: {_release(draft, name)}"
        related = ((draft.subnet_at(name, family.version), f"the subnet of node {name}"),)
        yield Problem(draft.leases.at(name, family.version), message, hint, related)


@each_family
def check_held_subnets(draft: Draft, family: Family) -> Iterator[Problem]:
    """No node has a subnet that is still held for a node which has left the spec."""
    nodes = draft.nodes
    if nodes is None:
        return
    leases = draft.leases.subnets(family.version).items()
    unclaimed = {name: lease for name, lease in leases if name not in nodes}
    for one, other in nested({**family.subnets, **unclaimed}) if unclaimed else ():
        name, former = (one, other) if other in unclaimed else (other, one)
        if former not in unclaimed or name in unclaimed:
            continue
        message = f"node {name}: subnet {family.subnets[name]} is held for {former}, which is not in the spec"
        related = ((draft.leases.at(former, family.version), f"the lease of {former}"),)
        hint = f"free it, if nothing uses it any more: {_release(draft, former)}"
        yield Problem(draft.subnet_at(name, family.version), message, hint, related)


@each_family
def check_subnets_inside_network(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every subnet is a part of the pod network."""
    network = family.network
    for name, subnet in family.subnets.items():
        if network and not network.contains(subnet.address):
            message = f"node {name}: subnet {subnet} lies outside the pod network {network}"
            yield Problem(
                draft.subnet_at(name, family.version),
                message,
                _other_lease(draft, name, family),
                network_note(draft, family),
            )


@each_family
def check_subnets_length(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every subnet is of the cluster's length."""
    length = family.fitting_len
    for name, subnet in family.subnets.items():
        if length and subnet.length != length:
            message = f"node {name}: subnet {subnet} is a /{subnet.length}, and this cluster's are /{length}"
            hint = _other_lease(draft, name, family) or f"write {around(subnet.address, length)}"
            yield Problem(draft.subnet_at(name, family.version), message, hint)


@each_family
def check_subnets_within_bounds(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every subnet of the pod network lies in subnet_min to subnet_max."""
    low = family.subnet_min if family.fits(family.subnet_min) else None
    high = family.subnet_max if family.fits(family.subnet_max) else None
    if low and high and low > high:
        return  # reported as such
    for name, subnet in family.subnets.items():
        if not family.network or not family.network.contains(subnet.address):
            continue
        if low and subnet.address < low:
            yield _out_of_bounds(draft, family, name, "below subnet_min")
        if high and subnet.address > high:
            yield _out_of_bounds(draft, family, name, "above subnet_max")


@each_family
def check_subnets_apart(draft: Draft, family: Family) -> Iterator[Problem]:
    """No address belongs to the subnets of two nodes; a subnet that is too wide is reported for that alone."""
    for name, other in nested(family.subnets):
        subnet, taken = family.subnets[name], family.subnets[other]
        if family.fitting_len and taken.length < family.fitting_len:
            continue
        what = f"{subnet} is already" if subnet == taken else f"{subnet} overlaps {taken},"
        message = f"node {name}: subnet {what} the subnet of node {other}"
        related = ((draft.subnet_at(other, family.version), f"the subnet of node {other}"),)
        yield Problem(draft.subnet_at(name, family.version), message, _apart_hint(draft, name, other, family), related)


def without_any_subnet(draft: Draft, family: Family) -> list[str]:
    """Return the nodes that have no subnet of a family that the pods have, neither from the spec nor leased."""
    if not family.pods:
        return []
    nodes, leased = (draft.nodes or {}).items(), draft.leases.subnets(family.version)
    return [name for name, node in nodes if without_subnet(node, family.version) and name not in leased]


def _release(draft: Draft, name: str) -> str:
    return draft.leases.command(draft.places.path, "--release", name)


def _other_lease(draft: Draft, name: str, family: Family) -> str:
    """Say how a node that leased its subnet gets another one."""
    return f"{_release(draft, name)} gives it another one" if draft.leased(name, family.version) else ""


def _apart_hint(draft: Draft, name: str, other: str, family: Family) -> str:
    """Say how one of two nodes that leased one subnet gets another; two people may have added a node each."""
    if not draft.leased(name, family.version):
        return _other_lease(draft, other, family)
    if not draft.leased(other, family.version):
        return _other_lease(draft, name, family)
    return f"{_release(draft, name)} gives {name} another one; if {name} is in use already, release {other} instead"


def _out_of_bounds(draft: Draft, family: Family, name: str, bound: str) -> Problem:
    """Say of a subnet that it is `below subnet_min` or `above subnet_max`."""
    where, bare = bound.split()
    key, value = family.key(bare), family.subnet_min if where == "below" else family.subnet_max
    message = f"node {name}: subnet {family.subnets[name]} is {where} {key}, {value}"
    note = ((draft.places.value(key), key),)
    return Problem(draft.subnet_at(name, family.version), message, _other_lease(draft, name, family), note)
