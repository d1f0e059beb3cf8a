"""What the parts of a spec must agree on: a small function for each constraint, whose problems tell all their places.

A constraint looks at what is valid and says nothing where what it needs is missing. None compares every node with every
other one: what overlaps is found by sorting, since a cluster may have 65,536 nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from netplan.errors import Problem
from netplan.spec.constraints.addresses import (
    check_addresses_differ,
    check_addresses_outside_network,
    check_host_gw_segment,
    check_public_addresses,
    check_segments_apart,
    check_segments_outside_network,
)
from netplan.spec.constraints.backend import (
    check_backend_keys,
    check_mtus,
    check_routes,
    check_tunnel_ends,
    check_tunnel_name,
)
from netplan.spec.constraints.constraint import Constraint
from netplan.spec.constraints.networks import (
    check_any_network,
    check_any_node,
    check_families_complete,
    check_families_wanted,
    check_subnet_bounds,
    check_subnet_bounds_order,
    check_subnet_len,
)
from netplan.spec.constraints.policy import (
    check_checks_say_one_thing,
    check_forwarding_stays_on,
    check_lists_without_repetition,
)
from netplan.spec.constraints.subnets import (
    check_held_subnets,
    check_leases_agree,
    check_subnets_apart,
    check_subnets_inside_network,
    check_subnets_length,
    check_subnets_within_bounds,
)
from netplan.spec.draft import Draft


def check(draft: Draft) -> Iterator[Problem]:
    """Return the problems of every constraint; that a node has no subnet is none, until something needs it."""
    return chain.from_iterable(constraint(draft) for constraint in CONSTRAINTS)


def check_removals(draft: Draft) -> Iterator[Problem]:
    """A rule to remove is one that iptables takes, with placeholders that exist, and of other programs."""
    if not draft.removals:
        return iter(())
    from netplan.spec import removals  # noqa: PLC0415 - to read iptables' rules takes a while to load

    return removals.check_removals(draft)


CONSTRAINTS: Final[tuple[Constraint, ...]] = (
    check_any_network,
    check_families_wanted,
    check_families_complete,
    check_subnet_len,
    check_subnet_bounds,
    check_subnet_bounds_order,
    check_any_node,
    check_leases_agree,
    check_held_subnets,
    check_subnets_inside_network,
    check_subnets_length,
    check_subnets_within_bounds,
    check_subnets_apart,
    check_addresses_differ,
    check_addresses_outside_network,
    check_segments_outside_network,
    check_segments_apart,
    check_host_gw_segment,
    check_backend_keys,
    check_tunnel_name,
    check_mtus,
    check_tunnel_ends,
    check_public_addresses,
    check_routes,
    check_lists_without_repetition,
    check_forwarding_stays_on,
    check_checks_say_one_thing,
    check_removals,
)
