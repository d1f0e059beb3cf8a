"""Constraints on the nodes' addresses, and the segments that they are on."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.errors import Problem
from netplan.spec.constraints.constraint import address_at, each_family, network_note, node_note, repeated
from netplan.spec.draft import Draft, Family
from netplan.spec.prefixes import nested


@each_family
def check_addresses_differ(draft: Draft, family: Family) -> Iterator[Problem]:
    """No two nodes have one address."""
    for name, other in repeated({name: host.address for name, host in family.addresses.items()}):
        message = f"node {name}: {family.addresses[name].address} is already the address of node {other}"
        yield Problem(address_at(draft, name, family), message, "", node_note(draft, other, family))


@each_family
def check_addresses_outside_network(draft: Draft, family: Family) -> Iterator[Problem]:
    """No node has an address of the pod network."""
    for name, host in family.addresses.items():
        if family.network and family.network.contains(host.address):
            message = f"node {name}: {host} lies inside the pod network {family.network}"
            hint = "the pod network is the pods' own; nodes have addresses of another"
            yield Problem(address_at(draft, name, family), message, hint, network_note(draft, family))


@each_family
def check_segments_outside_network(draft: Draft, family: Family) -> Iterator[Problem]:
    """No segment overlaps the pod network; one whose nodes lie inside is reported for that alone."""
    for segment, names in family.segments.items():
        first = names[0]
        if not family.network or not segment.overlaps(family.network):
            continue
        if not any(family.network.contains(family.addresses[name].address) for name in names):
            message = f"node {first}: the segment {segment} overlaps the pod network {family.network}"
            hint = "check both prefix lengths: a node must know by its address whether a packet is for a pod"
            yield Problem(address_at(draft, first, family), message, hint, network_note(draft, family))


@each_family
def check_segments_apart(draft: Draft, family: Family) -> Iterator[Problem]:
    """Nodes that can reach each other write one prefix length: two segments are equal or apart."""
    segments = family.segments
    for pair in nested({segment: segment for segment in segments}):
        few, many = sorted(pair, key=lambda segment: len(segments[segment]))
        name, other = segments[few][0], segments[many][0]
        if len(segments[few]) == len(segments[many]):  # then the later one in the file is the likelier mistake
            other, name = sorted((name, other), key=lambda node: address_at(draft, node, family))
        message = f"node {name}: the segments of {family.addresses[name]} and {family.addresses[other]} overlap"
        hint = "nodes of one segment have one prefix length"
        yield Problem(address_at(draft, name, family), message, hint, node_note(draft, other, family))


@each_family
def check_host_gw_segment(draft: Draft, family: Family) -> Iterator[Problem]:
    """host-gw needs every node on one segment; who is not on the largest one is reported."""
    segments = family.segments
    if draft.backend != "host-gw" or not family.pods or not segments:
        return
    home = max(segments, key=lambda segment: len(segments[segment]))
    other = segments[home][0]
    for segment, names in segments.items():
        for name in names if not segment.overlaps(home) else ():
            message = f"node {name}: host-gw can't route between its segment {segment} and {home} of node {other}"
            hint = "host-gw needs all nodes on one segment; across a router it takes a tunnel, such as vxlan"
            yield Problem(address_at(draft, name, family), message, hint, node_note(draft, other, family))


def check_public_addresses(draft: Draft) -> Iterator[Problem]:
    """Peers send to each node at an address of its own, which is none of a pod's."""
    family = draft.underlay
    public = draft.tunnel.public_addresses
    own = {name: host.address for name, host in family.addresses.items()}
    for name, other in repeated(public):
        message = f"node {name}: {public[name]} is already the public address of node {other}"
        related = ((draft.places.value("nodes", other, "public_address"), f"the public address of node {other}"),)
        yield Problem(draft.places.value("nodes", name, "public_address"), message, "", related)
    holders = {address: name for name, address in own.items()} if public else {}
    for name, address in public.items():
        place = draft.places.value("nodes", name, "public_address")
        if address.version != family.version:
            message = (
                f"node {name}: {address} is IPv{address.version}, and the tunnel's packets are IPv{family.version}"
            )
            yield Problem(place, message, "", node_note(draft, name, family))
        if family.network and family.network.contains(address):
            message = f"node {name}: {address} lies inside the pod network {family.network}"
            yield Problem(place, message, "", network_note(draft, family))
        if holders.get(address, name) != name:
            message = f"node {name}: {address} is the address of node {holders[address]}"
            yield Problem(place, message, "", node_note(draft, holders[address], family))
