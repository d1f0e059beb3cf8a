"""What an obstacle stands in the way of: its objects and what depends on them, and nothing else."""

from __future__ import annotations

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, Reason, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import IPV6_FORWARD
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.planning.obstacles import Obstacle, identity
from netplan.planning.plan import NodePlan, beside
from netplan.planning.projection import blocked
from tests import make, tunnels
from tests.spec.test_families import DUAL, A, B

THREE = [f"{name}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for name, n in (("a", 21), ("b", 22), ("c", 23))]
WHY = Reason("a test")


def possible(state: Snapshot, **keys: str) -> tuple[NodePlan, NodePlan]:
    """Return the plan of node a, and what of it can be done."""
    plan = make.plan(state, make.spec(*THREE, **keys))
    return plan, beside(plan, plan.obstacles, state)


def test_a_route_of_others_stands_in_the_way_of_one_route_alone():
    plan, rest = possible(make.snapshot("", make.route(via="10.4.7.254", protocol=4)))
    waits = [change for change in plan.changes if change not in rest.changes]
    assert make.said(waits) == ["create route 172.7.22.0/24 via 10.4.7.22 dev eth0"]
    assert (len(plan.refusals), rest.refusals) == (1, ())


def test_a_port_that_is_taken_stands_in_the_way_of_the_tunnel_and_of_what_stands_on_it():
    state = make.snapshot("", tunnels.link("cilium_vxlan", vni=7, alias="", exclusive=True))
    _, rest = possible(state, backend="{type: vxlan}")
    assert {change.resource.kind for change in rest.changes} == {"chain", "rule", "sysctl"}


def test_a_link_of_others_stands_in_the_way_of_the_tunnel_of_that_name_and_of_what_stands_on_it():
    plan, rest = possible(make.snapshot("", tunnels.link(alias="")), backend="{type: vxlan}")
    assert len(plan.obstacles) == len(plan.refusals) == 1
    assert {change.resource.kind for change in rest.changes} == {"chain", "rule", "sysctl"}


def test_where_the_address_of_ipv4_alone_is_gone_the_routes_of_ipv4_wait():
    address = LinkAddress(IfName("eth0"), InterfaceAddress.parse("fd00:4::21/64"))
    before = make.snapshot("", address, Sysctl(IPV6_FORWARD, "1"), address="10.4.7.99/24")
    plan = make.plan(before, make.spec(A, B, **DUAL))
    rest = beside(plan, plan.obstacles, before)
    routes = [change.after for change in rest.changes if isinstance(change.after, Route)]
    assert [text.split(",")[0] for text in plan.refusals] == ["10.4.7.21"]
    assert [route.prefix.version for route in routes] == [6]


def test_what_concerns_the_whole_node_stays_a_refusal():
    _, rest = possible(make.snapshot("", make.route(via="10.4.7.254", protocol=4), address="10.4.7.99/24"))
    assert [text.split(",")[0] for text in rest.refusals] == ["10.4.7.21"]


def test_a_tunnel_stays_as_long_as_the_one_that_takes_its_place_can_not_come():
    old, new = tunnels.link(), tunnels.link("podnet.2", vni=2)
    changes: list[Change[Resource]] = [
        Change(old, None, WHY),
        Change(None, new, WHY),
        Change(tunnels.address(), None, WHY),
        Change(None, make.route("172.7.23.0/24", "10.4.7.23"), WHY),
    ]
    waits = blocked(changes, [Obstacle.before("it can't come", [new])])
    assert waits == {identity(resource) for resource in (old, new, tunnels.address())}


def test_nothing_waits_without_an_obstacle():
    assert blocked([Change(None, tunnels.link(), WHY)], []) == frozenset()


def test_an_obstacle_is_told_by_its_text():
    obstacle = Obstacle.before("there is no interface eth9", [tunnels.link()])
    assert (str(obstacle), *obstacle.objects) == ("there is no interface eth9", (Link.kind, "podnet.1"))
