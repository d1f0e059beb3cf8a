from __future__ import annotations

from netplan.kinds.batches import batches
from netplan.kinds.chain.value import Chain, PlacedRule, jump_to
from netplan.kinds.resource import Change
from netplan.kinds.sysctl.value import Sysctl
from tests import make, tunnels

CHAIN = Chain(make.MASQUERADE_CHAIN)
JUMP = PlacedRule(make.POSTROUTING, 1, jump_to(make.MASQUERADE_CHAIN))
DOCKERS = PlacedRule(make.POSTROUTING, 1, make.rule(make.DOCKER_MASQUERADE))
FORWARD = Chain(make.FORWARD_CHAIN)
SYSCTL = Sysctl("net.ipv4.ip_forward", "1")


def created(*resources):
    return [Change(None, resource, make.WHY) for resource in resources]


def deleted(*resources):
    return [Change(resource, None, make.WHY) for resource in resources]


def order(*changes):
    return [str(batch) for batch in batches(changes)]


def test_rules_come_before_routes_and_parameters_before_both():
    assert order(*created(make.route(), CHAIN, SYSCTL)) == ["sysctls", "table nat", "routes"]


def test_deletes_come_last_and_in_the_opposite_order():
    changes = [*deleted(CHAIN, make.route("172.7.9.0/24")), *created(make.route())]
    assert order(*changes) == ["routes", "routes", "table nat"]


def test_routes_are_deleted_after_routes_are_created():
    ordered = batches([*deleted(make.route("172.7.9.0/24")), *created(make.route())])
    assert make.said(change for batch in ordered for change in batch.changes) == [
        "create route 172.7.22.0/24 via 10.4.7.22 dev eth0",
        "delete route 172.7.9.0/24 via 10.4.7.22 dev eth0",
    ]


def test_a_table_is_one_batch_even_where_things_come_and_go():
    assert order(*created(CHAIN), *deleted(JUMP), *deleted(DOCKERS)) == ["table nat"]


def test_each_table_is_a_batch_of_its_own():
    assert order(*created(CHAIN, FORWARD)) == ["table nat", "table filter"]


def test_a_foreign_rule_goes_before_routes_come():
    assert order(*created(make.route()), *deleted(DOCKERS)) == ["table nat", "routes"]


def test_a_table_that_we_leave_is_changed_after_our_routes_have_gone():
    assert order(*deleted(JUMP, CHAIN, make.route())) == ["routes", "table nat"]


def test_no_change_is_lost():
    changes = [*created(make.route(), CHAIN, SYSCTL, JUMP), *deleted(make.route("172.7.9.0/24"), FORWARD, DOCKERS)]
    assert {id(change) for batch in batches(changes) for change in batch.changes} == set(map(id, changes))


STANDING = (tunnels.address(), tunnels.neighbour(), tunnels.fdb(), tunnels.route())


def test_a_tunnel_comes_before_what_stands_on_it_and_routes_into_it_come_last():
    assert order(*created(tunnels.route(), *STANDING[:3], tunnels.link(), CHAIN)) == [
        "links",
        "addresses",
        "table nat",
        "neighbours",
        "fdb entries",
        "routes",
    ]


def test_routes_into_a_tunnel_go_first_and_the_tunnel_last():
    assert order(*deleted(tunnels.link(), *STANDING)) == ["routes", "fdb entries", "neighbours", "addresses", "links"]


def test_a_tunnel_goes_only_after_routes_lead_elsewhere():
    moved = Change(tunnels.route(), make.route(), make.WHY)
    assert order(*deleted(tunnels.link()), moved) == ["routes", "links"]


def test_a_tunnel_in_the_way_of_another_one_goes_before_it_comes():
    (batch,) = batches([*created(tunnels.link("flannel.1")), *deleted(tunnels.link())])
    assert [change.action for change in batch.changes] == ["delete", "create"]


def test_a_tunnel_in_the_way_of_none_goes_after_another_one_has_come():
    ordered = batches([*deleted(tunnels.link()), *created(tunnels.link("podnet.2", vni=2))])
    assert [change.action for batch in ordered for change in batch.changes] == ["create", "delete"]


def test_an_address_that_becomes_a_next_hop_goes_before_its_route_once_another_one_has_come():
    old, new = tunnels.address("172.7.22.0/32"), tunnels.address("172.7.21.0/32")
    ordered = batches([*deleted(old), *created(new, tunnels.route("172.7.22.0/24"))])
    assert make.said(change for batch in ordered for change in batch.changes) == [
        "create address 172.7.21.0/32 dev podnet.1",
        "delete address 172.7.22.0/32 dev podnet.1",
        "create route 172.7.22.0/24 via 172.7.22.0 dev podnet.1 onlink",
    ]


def test_an_address_that_is_in_no_change_s_way_goes_last():
    assert order(*deleted(tunnels.address("172.7.99.0/32")), *created(tunnels.route())) == ["routes", "addresses"]


def test_parameters_go_back_once_what_needed_them_is_gone():
    back = Change(SYSCTL, Sysctl("net.ipv4.ip_forward", "0"), make.WHY)
    changes = [back, *deleted(JUMP, CHAIN, make.route(), tunnels.link())]
    assert order(*changes) == ["routes", "table nat", "sysctls", "links"]
