"""Constraints on the pod networks, and which families take part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netplan.errors import Problem
from netplan.net import BITS
from netplan.spec.constraints.constraint import each_family, misspelt, network_note
from netplan.spec.draft import Draft, Family, without_subnet
from netplan.spec.explain import suggest
from netplan.spec.model import ClusterSpec
from netplan.spec.prefixes import around

_NODES: Final = ("nodes", "nodes_file")
_NETWORKS: Final = ("network", "ipv6_network")


def check_any_network(draft: Draft) -> Iterator[Problem]:
    """A cluster has a pod network; of a key that is misspelt its own problem tells."""
    unknown = draft.keys - ClusterSpec.model_fields.keys()
    if draft.keys.isdisjoint(_NETWORKS) and not any(suggest(key, _NETWORKS) for key in unknown):
        hint = "add a key such as network: 172.7.0.0/16, or ipv6_network: fd00:7::/48"
        yield Problem(draft.places.key(), "the spec has no network", hint)


def check_families_wanted(draft: Draft) -> Iterator[Problem]:
    """Nothing is said of the subnets of a family that the pods do not have."""
    for family in draft.families:
        network = family.key("network")
        if family.pods:
            continue
        for key in map(family.key, ("subnet_len", "subnet_min", "subnet_max")):
            if key in draft.keys:
                message = f"{key}: the spec has no {network}"
                yield Problem(draft.places.key(key), message, f"remove the line, or add {network}")
        for name, node in (draft.nodes or {}).items():
            if not without_subnet(node, family.version) and isinstance(node, dict):
                message = f"node {name}: the spec has no {network} for a subnet to be part of"
                yield Problem(draft.places.key("nodes", name, family.key("subnet")), message, f"add {network}")


@each_family
def check_families_complete(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every node has an address of the families that others have, and of those that host-gw routes."""
    key = family.key("address")
    nodes = {name: node for name, node in (draft.nodes or {}).items() if isinstance(node, dict)}
    holder = next((name for name, node in nodes.items() if key in node), None)
    routed = draft.backend == "host-gw" and family.pods
    if (
        holder is None
        and not routed
        and (family.version == 6 or any("ipv6_address" in node for node in nodes.values()))
    ):
        return
    example = "10.4.7.21/24" if family.version == 4 else "fd00:4::15/64"
    for name, node in nodes.items():
        if key not in node and not misspelt(draft, name, key):
            related = () if holder is None else ((draft.places.key("nodes", holder, key), f"node {holder} has one"),)
            at = draft.places.key("nodes", name)
            yield Problem(at, f"nodes.{name} has no {key}", f"add a key such as {key}: {example}", related)


@each_family
def check_subnet_len(draft: Draft, family: Family) -> Iterator[Problem]:
    """The pod network holds at least four subnets."""
    network, length = family.network, family.subnet_len
    if network and length and not family.fitting_len:
        key = family.key("subnet_len")
        message = f"{key}: /{length} leaves less than four subnets in {network}"
        hint = f"write a number from {network.length + 2} to {BITS[family.version] - 2}"
        yield Problem(draft.places.value(key), message, hint, network_note(draft, family))


@each_family
def check_subnet_bounds(draft: Draft, family: Family) -> Iterator[Problem]:
    """subnet_min and subnet_max are first addresses of subnets of the pod network."""
    network, length = family.network, family.fitting_len
    for bare, bound in (("subnet_min", family.subnet_min), ("subnet_max", family.subnet_max)):
        key = family.key(bare)
        if bound is None or network is None or length is None or family.fits(bound):
            continue
        message, hint = f"{key}: {bound} lies outside the pod network {network}", ""
        if network.contains(bound):
            message = f"{key}: {bound} is not the first address of a /{length}"
            hint = f"write {around(bound, length).address}"
        yield Problem(draft.places.value(key), message, hint, network_note(draft, family))


@each_family
def check_subnet_bounds_order(draft: Draft, family: Family) -> Iterator[Problem]:
    """subnet_min is not above subnet_max."""
    low, high = family.subnet_min, family.subnet_max
    if low and high and family.fits(low) and family.fits(high) and low > high:
        key, above = family.key("subnet_min"), family.key("subnet_max")
        related = ((draft.places.value(above), above),)
        message = f"{key}: {low} is above {above}, {high}: no subnet is left"
        yield Problem(draft.places.value(key), message, "exchange the two", related)


def check_any_node(draft: Draft) -> Iterator[Problem]:
    """A cluster has nodes; of a key that is misspelt its own problem tells."""
    unknown = draft.keys - ClusterSpec.model_fields.keys()
    if draft.keys.isdisjoint(_NODES) and not any(suggest(key, _NODES) for key in unknown):
        hint = "add a key such as nodes: {hdss7-21: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}}"
        yield Problem(draft.places.key(), "the spec has no nodes", hint)
    if draft.nodes is not None and not draft.nodes:
        hint = "add a line such as hdss7-21: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
        yield Problem(draft.places.key("nodes"), "nodes: the cluster has no node", hint)
