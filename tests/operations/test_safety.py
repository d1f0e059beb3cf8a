"""What is dangerous in a plan is refused unless it is allowed, and warned of where the plan is only shown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import RefusedError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.live_plan import LivePlan
from netplan.operations.safety import allowed, check_safe, off_link, warned_live
from netplan.planning.obstacles import Obstacle
from netplan.planning.safety import Flag
from netplan.trace import BRIDGE_CALLS, settings_of
from tests import make
from tests.kernels.memory import MemoryKernel

DELETED = [make.route(f"172.7.{number}.0/24", "10.4.7.22") for number in range(30, 40)]


def planned(*routes):
    """Plan for a node that has some routes of podnet's besides."""
    return LivePlan.from_kernel(make.desired(), MemoryKernel(make.snapshot("", *routes)))


def test_each_danger_is_allowed_by_itself():
    options = (
        {"session": True},
        {"default_route": True},
        {"many_deletes": True},
        {"off_link": True},
        {"broken": True},
    )
    assert [allowed(**option) for option in options] == [
        {Flag.SESSION},
        {Flag.DEFAULT_ROUTE},
        {Flag.MANY_DELETES},
        {Flag.OFF_LINK},
        {Flag.BROKEN_TRAFFIC},
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


GUARDED = """*nat
-A POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE
*raw
:PREROUTING ACCEPT
-A PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP"""
"""Docker masquerades a pod and drops what comes straight to it: replies to it arrive as long as it is masqueraded."""


def guarded(rules=GUARDED):
    """Plan for a node with docker's rules, and podnet's route to the peer."""
    settings = [Sysctl(name, "0") for device in ("all", "eth0", "docker0") for name in settings_of(device)]
    routes = make.route("0.0.0.0/0", "10.4.7.254", protocol=3), make.route()
    state = make.snapshot(rules, *routes, *settings, Sysctl(BRIDGE_CALLS[4], "1"), ip_forward="1")
    return LivePlan.from_kernel(make.desired(), MemoryKernel(state))


def test_a_plan_that_breaks_what_works_is_refused_with_what_helps():
    with pytest.raises(RefusedError) as refused:
        check_safe(guarded(), frozenset(), None)
    broken = "pod -> pod on b, only from 172.7.21.2 works now, and would not: replies dropped"
    rule = "raw PREROUTING 1: -d 172.7.21.2/32 ! -i docker0 -j DROP"
    remedy = (
        "start dockerd with --allow-direct-routing, or make the bridge's network with -o "
        "com.docker.network.bridge.trusted_host_interfaces=INTERFACE"
    )
    assert str(refused.value).splitlines()[1:] == [
        f"  --allow-broken-traffic: {broken}: {rule}; {remedy}",
        "If that is what should happen, use --allow-broken-traffic.",
    ]
    check_safe(guarded(), allowed(broken=True), None)


def test_a_saved_plan_that_breaks_what_works_is_refused_too():
    live = guarded()
    saved = replace(live.plan, effects=())
    with pytest.raises(RefusedError, match="--allow-broken-traffic: pod -> pod on b"):
        check_safe(LivePlan.from_saved(saved, live.kernel), frozenset(), None)


def test_a_rule_of_which_no_remedy_is_known_is_named_alone():
    rule = "-d 172.7.21.2/32 -i eth0 -j DROP"
    live = guarded(f"{GUARDED.partition('*raw')[0]}*mangle\n:PREROUTING ACCEPT\n-A PREROUTING {rule}")
    with pytest.raises(RefusedError, match=f"replies dropped: mangle PREROUTING 1: {rule}\n"):
        check_safe(live, frozenset(), None)


def test_what_works_and_may_not_afterwards_is_a_warning():
    live = guarded(GUARDED.replace("! -i docker0", "! -i docker0 -m string --string x --algo bm"))
    check_safe(live, frozenset(), None)
    assert live.plan.warnings[-1] == (
        "pod -> pod on b, only from 172.7.21.2 works now, and it is unknown whether it will: raw PREROUTING 1: "
        '-d 172.7.21.2/32 ! -i docker0 -m string --string "x" --algo bm -j DROP'
    )


def test_what_is_done_of_a_plan_without_the_rest_breaks_what_it_breaks():
    live = guarded()
    nothing = live.beside([Obstacle.before("no", [change.resource for change in live.plan.changes])])
    assert [effect.probe.traffic for effect in nothing.plan.effects if effect.breaks] == []
