from __future__ import annotations

from typing import Any

import pytest

from netplan.kinds.chain.edit import ConflictError
from netplan.kinds.chain.value import Chain, FirewallBackend, PlacedRule, jump_to
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.projection import project
from tests import make, tunnels

JUMP = jump_to(make.MASQUERADE_CHAIN)


def after(state, before, now):
    return project(state, [Change(before, now, make.WHY)])


def test_an_object_that_comes_is_there():
    assert make.route() in after(make.snapshot(), None, make.route()).all(Route)


def test_an_object_that_changes_takes_the_place_of_the_one_before():
    old, new = make.route(via="10.4.7.9"), make.route()
    routes = after(make.snapshot("", old), old, new).all(Route)
    assert (new in routes, old in routes) == (True, False)


def test_an_object_that_goes_is_gone():
    before = make.snapshot("", make.route())
    assert {*before.all(Route)} - {*after(before, make.route(), None).all(Route)} == {make.route()}


def test_an_object_that_is_gone_already_can_go():
    assert make.content(after(make.snapshot(), make.route(), None)) == make.content(make.snapshot())


def test_rules_of_one_chain_change_together():
    state = make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE]))
    docker = PlacedRule(make.POSTROUTING, 2, make.rule(make.DOCKER_MASQUERADE))
    changes = [Change(docker, None, make.WHY), Change(None, PlacedRule(make.POSTROUTING, 1, JUMP), make.WHY)]
    assert project(state, changes).rules(make.POSTROUTING) == (JUMP, make.rule("-j LOG"))


def test_a_rule_comes_into_a_built_in_chain_that_was_not_there_yet():
    state = after(Snapshot(FirewallBackend.NFT), None, PlacedRule(make.POSTROUTING, 1, JUMP))
    assert state.all(Chain) == (Chain(make.POSTROUTING, (JUMP,), "ACCEPT"),)


def test_a_rule_that_does_not_stand_there_can_not_go():
    with pytest.raises(ConflictError):
        after(make.snapshot(), PlacedRule(make.POSTROUTING, 1, JUMP), None)


def test_the_snapshot_before_is_as_it_was():
    state = make.snapshot()
    before = make.content(state)
    after(state, None, make.route())
    assert make.content(state) == before


STANDING: list[Any] = [tunnels.address(), tunnels.neighbour(), tunnels.fdb(), tunnels.route()]
SETTING = Sysctl("net.ipv6.conf.podnet/1.accept_ra", "0")


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        (tunnels.link(), None, []),
        (tunnels.link(), tunnels.link(port=4789), []),
        (tunnels.link(), tunnels.link(up=False), ["address", "fdb", "sysctl"]),
        (tunnels.link(), tunnels.link(mac=tunnels.PEER_MAC), ["address", "fdb", "route", "sysctl"]),
        (tunnels.link(), tunnels.link(mtu=1400), ["address", "fdb", "neighbour", "route", "sysctl"]),
        (tunnels.address(), None, ["fdb", "sysctl"]),
        (tunnels.address(), tunnels.address(), ["address", "fdb", "neighbour", "route", "sysctl"]),
    ],
    ids=str,
)
def test_what_stands_on_a_link_is_lost_as_the_kernel_loses_it(before, after, left):
    state = make.snapshot("", tunnels.link(), *STANDING, SETTING)
    projected = project(state, [Change(before, after, make.WHY)])
    kept = [
        resource for resource in [*STANDING, SETTING] if projected.index.get((resource.kind, resource.key)) == resource
    ]
    assert sorted(resource.kind for resource in kept) == left


def test_what_stands_on_a_link_is_ours_while_the_link_is():
    projected = project(
        make.snapshot("", tunnels.link(), *STANDING), [Change(tunnels.link(), tunnels.link(alias=""), make.WHY)]
    )
    assert not any(projected.index[resource.kind, resource.key].ours for resource in STANDING[:3])
