from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain, FirewallBackend, jump_to
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName
from netplan.planning.projection import project
from netplan.planning.undo import relevant, undo_changes
from tests import make, tunnels

JUMP = str(jump_to(make.MASQUERADE_CHAIN))
BEFORE = make.snapshot(make.docker())
CHANGES = make.plan(BEFORE, make.spec(firewall=make.REMOVE)).changes
AFTER = project(BEFORE, CHANGES)


def undone(now, before=BEFORE, changes=CHANGES):
    """Return what restores the state before, in words."""
    return make.said(undo_changes(before, now, changes))


def restored(now, before=BEFORE, changes=CHANGES):
    return project(now, undo_changes(before, now, changes))


def with_rules(state, *texts):
    chain = Chain(make.POSTROUTING, make.rules(*texts), "ACCEPT")
    return state.replace(Chain, [chain if other.key == chain.key else other for other in state.all(Chain)])


def test_where_nothing_was_done_nothing_is_to_be_undone():
    assert not undone(BEFORE)


def test_what_was_done_is_undone():
    assert make.content(restored(AFTER)) == make.content(BEFORE)


def test_a_rule_that_another_program_added_meanwhile_stays():
    now = with_rules(AFTER, "-s 10.9.9.9/32 -j ACCEPT", JUMP)
    assert make.texts(restored(now).rules(make.POSTROUTING)) == [make.DOCKER_MASQUERADE, "-s 10.9.9.9/32 -j ACCEPT"]


def test_a_rule_that_another_program_deleted_meanwhile_stays_deleted():
    before = make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE]))
    changes = make.plan(before, make.spec(firewall=make.REMOVE)).changes
    now = with_rules(project(before, changes), JUMP)
    assert make.texts(restored(now, before, changes).rules(make.POSTROUTING)) == [make.DOCKER_MASQUERADE]


def test_a_rule_that_docker_brought_back_itself_is_there_once():
    now = with_rules(AFTER, make.DOCKER_MASQUERADE, JUMP)
    assert make.texts(restored(now).rules(make.POSTROUTING)) == [make.DOCKER_MASQUERADE]


def test_a_foreign_route_that_came_meanwhile_stays():
    now = AFTER.replace(Route, [*AFTER.all(Route), make.route("10.9.0.0/16", protocol=188)])
    assert not [line for line in undone(now) if "10.9.0.0/16" in line]


CONNECTED = make.route("172.7.9.0/24", None, "docker0", protocol=2)
STALE = make.route("172.7.9.0/24")


@pytest.mark.parametrize("beside", [(STALE, CONNECTED), (CONNECTED, STALE)], ids=["before it", "behind it"])
def test_a_route_of_ours_comes_back_to_its_place_beside_one_that_others_hold(beside):
    before, now, changes = make.snapshot("", *beside), make.snapshot("", CONNECTED), [Change(STALE, None, make.WHY)]
    kept = relevant(before, changes)
    assert restored(now, kept, changes).routes[STALE.key] == [*beside]


def test_a_foreign_route_that_came_in_the_place_of_ours_is_not_taken_away():
    foreign = make.route("172.7.9.0/24", "10.4.7.1", protocol=188)
    changes = [Change(make.route("172.7.9.0/24"), None, make.WHY)]
    before = make.snapshot("", make.route("172.7.9.0/24"))
    now = make.snapshot("", foreign)
    assert undone(now, before, changes) == ["create route 172.7.9.0/24 via 10.4.7.22 dev eth0"]


def test_a_parameter_that_the_plan_set_gets_its_value_back():
    assert Sysctl("net.ipv4.ip_forward", "0") in restored(AFTER).all(Sysctl)


def test_a_parameter_that_the_plan_left_alone_keeps_what_was_set_meanwhile():
    assert not undone(make.snapshot(ip_forward="1"), make.snapshot(ip_forward="0"), changes=[])


def of_devices(**values):
    """Make whether devices forward, by their names."""
    return [Sysctl(f"net.ipv4.conf.{device}.forwarding", value) for device, value in values.items()]


FORWARDING = make.snapshot(make.docker(), *of_devices(eth0="0", docker0="1"))


def test_devices_whose_forwarding_the_kernel_switched_along_get_their_own_values_back_after_the_switch():
    now = project(FORWARDING, CHANGES)
    assert [line for line in undone(now, FORWARDING) if "sysctl" in line] == [
        "update sysctl net.ipv4.ip_forward = 0",
        "update sysctl net.ipv4.conf.docker0.forwarding = 1",
    ]


def test_undoing_the_switch_restores_every_device():
    assert make.content(restored(project(FORWARDING, CHANGES), FORWARDING)) == make.content(FORWARDING)


def test_a_device_that_has_gone_meanwhile_is_not_set_back():
    now = project(make.snapshot(make.docker(), *of_devices(eth0="0")), CHANGES)
    assert [line for line in undone(now, FORWARDING) if "sysctl" in line] == ["update sysctl net.ipv4.ip_forward = 0"]


def test_forwarding_of_a_device_stays_where_the_switch_was_not_touched():
    now = make.snapshot(make.docker(), *of_devices(eth0="1", docker0="1"))
    assert not undone(now, FORWARDING, changes=[])


@pytest.mark.parametrize(
    ("tunnel", "wanted"),
    [([], [f"create link {tunnels.link()}"]), ([tunnels.link(), *of_devices(**{"podnet/1": "1"})], [])],
    ids=["gone", "there"],
)
def test_a_tunnel_from_before_a_reboot_forwards_as_the_switch_says_since_then(tunnel, wanted):
    before = make.snapshot("", tunnels.link(), *of_devices(**{"podnet/1": "0"}), ip_forward="0")
    now = make.snapshot("", *tunnel, ip_forward="1")
    assert undone(now, before, changes=[]) == wanted


def test_a_device_that_went_down_meanwhile_is_not_ours_to_bring_up():
    links = [Link(IfName("eth0"), 1500, up=False)]
    assert undone(BEFORE.replace(Link, links)) == []


def test_a_jump_in_a_chain_that_held_nothing_before_goes():
    empty = Snapshot.of(FirewallBackend.NFT, [Sysctl("net.ipv4.ip_forward", "0")])
    changes = make.plan(empty).changes
    assert make.content(restored(project(empty, changes), empty, changes)) == make.content(empty)
