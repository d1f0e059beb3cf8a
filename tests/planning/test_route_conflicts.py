"""Routes of others in the place of ours are named, and what to do about each is said."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import UsageError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.resource import Reason
from netplan.kinds.route.value import KERNEL
from netplan.net import IfName, InterfaceAddress
from netplan.planning.plan import Source, plan_node
from netplan.planning.projection import project
from netplan.planning.undo import relevant, undo_changes
from tests import make
from tests.plans import read_plan, rendered

ADOPTING = "{type: host-gw, adopt: true}"
IPV6 = [
    f"{name}: {{ipv6_address: 'fd00:4::{host}/64', ipv6_subnet: 'fd00:7:0:{host}::/64'}}"
    for name, host in (("a", 21), ("b", 22))
]
BOTH = {"network": None, "ipv6_network": "fd00:7::/48"}


def refusals(*others, nodes=(), **keys):
    return make.plan(make.snapshot("", *others), make.spec(*nodes, **keys)).refusals


def bridge_in(prefix, gateway, metric=0):
    """Return what the kernel holds for an address of the bridge."""
    connected = make.route(prefix, None, "docker0", protocol=KERNEL, metric=metric)
    length = prefix.partition("/")[2]
    return LinkAddress(IfName("docker0"), InterfaceAddress.parse(f"{gateway}/{length}")), connected


def test_a_foreign_route_in_the_way_is_named_with_its_owner_and_refused():
    (refusal,) = refusals(make.route(via="10.4.7.9", protocol=188))
    assert refusal == (
        "route 172.7.22.0/24 via 10.4.7.22 dev eth0 conflicts with "
        "172.7.22.0/24 via 10.4.7.9 dev eth0 from FRR's ospf; "
        "adopt it (backend: adopt: true), or take it away first: ip route del 172.7.22.0/24 via 10.4.7.9 dev eth0"
    )


@pytest.mark.parametrize(
    "route",
    [make.route(protocol=188, metric=20), make.route(via="10.4.7.9"), bridge_in("172.7.21.0/24", "172.7.21.1")[1]],
    ids=["of another metric", "ours", "of this node's own subnet"],
)
def test_a_route_that_is_not_in_the_place_of_ours_is_not_refused(route):
    assert refusals(route) == ()


@pytest.mark.parametrize("backend", ["{type: host-gw}", ADOPTING])
def test_a_bridge_in_the_subnet_of_another_node_is_named_and_never_adopted(backend):
    (refusal,) = refusals(*bridge_in("172.7.22.0/24", "172.7.22.1"), backend=backend)
    assert refusal == (
        "docker0 holds 172.7.22.1/24, the subnet of b; this node's is 172.7.21.0/24: give docker0 an address of "
        "172.7.21.0/24, and take the other off: ip address del 172.7.22.1/24 dev docker0"
    )


def test_of_ipv6_the_route_of_the_bridge_goes_before_ours_by_its_metric():
    standing = bridge_in("fd00:7:0:22::/64", "fd00:7:0:22::1", metric=256)
    wrong = "docker0 holds fd00:7:0:22::1/64, the subnet of b; this node's is fd00:7:0:21::/64"
    assert any(refusal.startswith(wrong) for refusal in refusals(*standing, nodes=IPV6, backend=ADOPTING, **BOTH))


def test_the_route_of_an_address_is_never_taken_over():
    state = make.snapshot("", *bridge_in("172.7.22.0/24", "172.7.22.1"))
    changes = make.plan(state, make.spec(backend=ADOPTING)).changes
    assert all(change.before is None or change.before.kind != "route" for change in changes)


def test_a_route_of_the_spec_that_the_kernel_has_by_itself_is_to_be_left_out():
    extra = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, routes: [{prefix: 10.9.0.0/16, dev: docker0}]}"
    (refusal,) = refusals(*bridge_in("10.9.0.0/16", "10.9.0.1"), nodes=[extra])
    assert refusal == (
        "route 10.9.0.0/16 dev docker0 (routes) conflicts with 10.9.0.1/16 on docker0: leave one of them out"
    )


def test_whose_subnet_a_bridge_is_in_is_told_by_the_spec_whatever_the_reason_of_the_route_says():
    observed = make.snapshot("", *bridge_in("172.7.22.0/24", "172.7.22.1"))
    desired = make.desired()
    reworded = tuple(replace(want, reason=Reason("a peer")) for want in desired.objects)
    (refusal,) = plan_node(replace(desired, objects=reworded), observed, Source.LIVE).refusals
    assert refusal.startswith("docker0 holds 172.7.22.1/24, the subnet of b; this node's is 172.7.21.0/24")


def test_a_route_whose_address_is_not_known_names_the_device():
    (refusal,) = refusals(replace(make.route(dev="docker0", protocol=KERNEL), next_hop=None))
    assert refusal.endswith("from the kernel: take that address off docker0")


FOREIGN = make.route(via="10.4.7.254", protocol=3)


def replaced_by(*others):
    """Plan for a node that podnet had a route on where others stand now."""
    desired = replace(make.desired(), applied=frozenset({make.route().key}))
    return plan_node(desired, make.snapshot("", *others), Source.LIVE)


def test_a_route_that_another_program_replaced_is_put_back_and_the_plan_says_so():
    plan = replaced_by(FOREIGN)
    (change,) = [planned for planned in plan.changes if planned.resource.kind == "route"]
    assert (change.before, change.after, change.reason.text, plan.refusals) == (
        FOREIGN,
        make.route(),
        "subnet of b; another program replaced it",
        (),
    )


@pytest.mark.parametrize(
    "others",
    [(FOREIGN, make.route()), bridge_in("172.7.22.0/24", "172.7.22.1")],
    ids=["before ours", "the kernel's own"],
)
def test_what_packets_go_by_is_refused_where_it_did_not_replace_ours(others):
    assert len(replaced_by(*others).refusals) == 1


BEHIND = make.route(via="10.4.7.253", protocol=3)
IPV6_OURS = make.route("fd00:7:0:22::/64", "fd00:4::22", metric=1024)
IPV6_BEHIND = make.route("fd00:7:0:22::/64", None, "docker0", protocol=4, metric=1024)


@pytest.mark.parametrize(
    ("first", "left"),
    [
        (make.route(), []),
        (make.route(via="10.4.7.9"), ["update route 172.7.22.0/24 via 10.4.7.22 dev eth0"]),
        (FOREIGN, ["update route 172.7.22.0/24 via 10.4.7.22 dev eth0"]),
    ],
    ids=["ours as it should be", "ours by another next hop", "one that replaced ours"],
)
def test_a_route_of_others_behind_the_place_of_ours_is_no_obstacle_and_stays_there(first, left):
    plan = replaced_by(first, BEHIND)
    assert make.said(change for change in plan.changes if change.resource.kind == "route") == left
    assert plan.refusals == ()
    assert project(make.snapshot("", first, BEHIND), plan.changes).routes[BEHIND.key] == [make.route(), BEHIND]


def test_a_route_of_others_behind_ours_is_a_warning():
    said = "stands behind ours: no packet goes by it as long as ours is there"
    assert f"route {BEHIND} from {BEHIND.installer} {said}" in replaced_by(make.route(), BEHIND).warnings


def test_of_many_routes_of_others_behind_ours_some_are_named_and_the_rest_counted():
    nodes = [f"n{n}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for n in range(21, 27)]
    pairs = [(f"172.7.{n}.0/24", f"10.4.7.{n}") for n in range(22, 27)]
    ours = [make.route(prefix, via) for prefix, via in pairs]
    others = [make.route(prefix, "10.4.7.253", protocol=3) for prefix, _ in pairs]
    plan = make.plan(make.snapshot("", *ours, *others), make.spec(*nodes), name="n21")
    assert [text.split(" ")[0] for text in plan.warnings if "stands behind ours" in text] == ["route"] * 3
    assert "2 more routes of other programs stand behind ours" in plan.warnings


@pytest.mark.parametrize(("ours", "count"), [(IPV6_OURS, 0), (replace(IPV6_OURS, next_hop=None), 1)])
def test_of_ipv6_a_route_of_others_is_no_obstacle_where_ours_is_first_and_as_it_should_be(ours, count):
    plan = make.plan(make.snapshot("", ours, IPV6_BEHIND), make.spec(*IPV6, **BOTH))
    assert sum("conflicts with" in text for text in plan.refusals) == count


def test_a_saved_plan_that_puts_a_route_back_is_read():
    plan = make.plans(replaced_by(FOREIGN))
    assert read_plan(rendered(plan), "plan.json").nodes[0].changes == plan.nodes[0].changes


def test_a_plan_that_takes_a_route_of_others_and_does_not_say_that_it_puts_one_back_is_none():
    plan = make.plans(replace(replaced_by(FOREIGN), puts_back=False))
    with pytest.raises(UsageError, match="podnet must not update"):
        read_plan(rendered(plan), "plan.json")


def test_an_undo_brings_back_what_had_replaced_the_route():
    before = make.snapshot("", FOREIGN)
    changes = replaced_by(FOREIGN).changes
    now = project(before, changes)
    back = project(now, undo_changes(relevant(before, changes), now, changes))
    assert back.routes[FOREIGN.key] == [FOREIGN]
