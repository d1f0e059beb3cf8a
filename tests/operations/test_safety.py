"""What is dangerous in a plan is refused unless it is allowed, and warned of where the plan is only shown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import RefusedError
from netplan.operations.live_plan import LivePlan
from netplan.operations.safety import allowed, check_safe, off_link, warned_live
from netplan.planning.safety import Flag
from tests import make
from tests.kernels.memory import MemoryKernel

DELETED = [make.route(f"172.7.{number}.0/24", "10.4.7.22") for number in range(30, 40)]


def planned(*routes):
    """Plan for a node that has some routes of podnet's besides."""
    return LivePlan.from_kernel(make.desired(), MemoryKernel(make.snapshot("", *routes)))


def test_each_danger_is_allowed_by_itself():
    options = ({"session": True}, {"default_route": True}, {"many_deletes": True}, {"off_link": True})
    assert [allowed(**option) for option in options] == [
        {Flag.SESSION},
        {Flag.DEFAULT_ROUTE},
        {Flag.MANY_DELETES},
        {Flag.OFF_LINK},
    ]


def test_a_plan_that_deletes_most_routes_is_refused_with_the_option_that_allows_it():
    with pytest.raises(RefusedError, match=r"the plan of a is unsafe, .*(?s:.)*use --allow-many-deletes\.$"):
        check_safe(planned(*DELETED), frozenset(), None)


def test_the_same_plan_is_applied_where_that_is_allowed():
    check_safe(planned(*DELETED), allowed(many_deletes=True), None)


def test_a_plan_without_danger_needs_no_flag():
    check_safe(planned(), frozenset(), None)


def test_a_plan_that_must_not_be_applied_is_refused_whatever_is_allowed():
    live = planned()
    refused = replace(live, plan=replace(live.plan, refusals=("it stands against it",)))
    with pytest.raises(RefusedError, match="can't be applied, and nothing was changed:\n  it stands against it"):
        check_safe(refused, frozenset(Flag), None)


def test_a_plan_that_is_shown_warns_of_its_dangers():
    live = planned(*DELETED)
    added = warned_live(live, None).warnings[len(live.plan.warnings) :]
    assert [warning.rpartition(" ")[2] for warning in added] == ["(--allow-many-deletes)"]


def test_routes_to_next_hops_off_link_are_obstacles_unless_they_are_allowed():
    live = LivePlan.from_kernel(make.desired(), MemoryKernel(make.snapshot(address="10.4.9.21/24")))
    assert [obstacle.text.partition(":")[0] for obstacle in off_link(live, frozenset(), None)] == ["--allow-off-link"]
    assert off_link(live, allowed(off_link=True), None) == ()


def test_a_plan_that_cuts_the_session_it_is_made_in_is_refused_with_the_option_that_allows_it():
    live = planned(make.route("198.51.100.0/24"))
    session = "198.51.100.2 50000 10.4.7.21 22"
    with pytest.raises(RefusedError, match=r"use --allow-session\.$"):
        check_safe(live, allowed(many_deletes=True), session)
    check_safe(live, allowed(many_deletes=True, session=True), session)
