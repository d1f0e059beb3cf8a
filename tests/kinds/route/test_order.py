"""Routes of one key are led to those wanted as the kernel takes them: what stays is not touched, a packet has a way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.kinds.resource import Insertion
from netplan.kinds.route.order import arranged, excludes, inserted, replaced, steps
from netplan.kinds.route.value import Route
from netplan.net import Address, IfName, Prefix

DEVICES = [Route(Prefix.parse("172.7.22.0/24"), IfName(f"d{number}")) for number in range(3)]
GATEWAYS = [replace(DEVICES[0], next_hop=Address.parse(f"10.4.7.{number}")) for number in range(3)]
A, B, C = GATEWAYS
FOREIGN = [replace(route, protocol=3) for route in (*DEVICES, *GATEWAYS)]
OURS = (*DEVICES, *GATEWAYS)


def of_ipv6(routes):
    """Return routes as they may be together of IPv6: no more than one of them by a gateway, or to each device."""
    ipv6: list[Route] = []
    for candidate in routes:
        via = candidate.next_hop and Address(6, candidate.next_hop.value)
        route = replace(candidate, prefix=Prefix.parse("fd07:22::/64"), next_hop=via)
        if not any(excludes(other, route) or (other.by_gateway and route.by_gateway) for other in ipv6):
            ipv6.append(route)
    return ipv6


@st.composite
def situations(draw):
    """Draw the routes of a key before, and now: what is ours has changed in any way, what is not as others do."""
    mixed = st.lists(st.sampled_from([*OURS, *FOREIGN]), unique=True, max_size=6)
    version = draw(st.sampled_from([4, 6]))
    before, now = draw(mixed), draw(mixed)
    return (before, now) if version == 4 else (of_ipv6(before), of_ipv6(now))


def led(there, wanted, fixed=()):
    """Return every state on the way, after each step."""
    states = [tuple(there)]
    for step in steps(there, wanted, fixed):
        now = states[-1]
        if step.before is not None and (step.after is None or step.place):
            now = tuple(route for route in now if route != step.before)
        if step.after is not None and step.before is not None and step.place is None:
            at = replaced(now, step.after)
            assert now[at] == step.before, "what is replaced is the one that the kernel takes"
            now = (*now[:at], step.after, *now[at + 1 :])
        elif step.after is not None:
            assert not any(excludes(route, step.after) for route in now), "the kernel refuses a second one"
            assert bool(now) or step.place is None or step.before is not None
            now = inserted(now, step.after, step.place or Insertion.LAST)
        states.append(now)
    return states


def aim(before, now):
    fixed = [route for route in now if not route.ours]
    return arranged(now, [route for route in before if route.ours], fixed, before), fixed


@given(situations())
def test_the_steps_lead_to_what_is_wanted(situation):
    before, now = situation
    target, fixed = aim(before, now)
    assert led(now, target, fixed)[-1] == target


@given(situations())
def test_what_was_led_there_is_to_be_left_alone(situation):
    before, now = situation
    target, _ = aim(before, now)
    assert aim(before, target)[0] == target


@given(situations())
def test_what_others_hold_stays_in_its_order_all_the_time(situation):
    before, now = situation
    target, fixed = aim(before, now)
    assert all([route for route in state if route in fixed] == fixed for state in led(now, target, fixed))


@given(situations())
def test_a_packet_always_has_a_way(situation):
    before, now = situation
    target, fixed = aim(before, now)
    assert not now or not target or all(led(now, target, fixed))


@given(situations())
def test_what_is_as_it_was_is_left_alone(situation):
    before, _ = situation
    assert not [*steps(before, *aim(before, before))]


def test_one_that_was_before_the_others_comes_before_them():
    connected = FOREIGN[0]
    assert aim([A, connected], [connected])[0] == (A, connected)


def test_one_that_was_behind_the_others_comes_behind_them():
    connected = FOREIGN[0]
    assert aim([connected, A], [connected])[0] == (connected, A)


def test_the_first_one_is_replaced_in_one_step_and_what_is_behind_it_stays():
    assert [*steps([C, B], [A, B])] == [(C, A, None)]


def test_of_two_of_ours_the_right_one_is_not_replaced_by_the_wrong_one():
    assert [*steps([B], [A, B])] == [(None, A, Insertion.FIRST)]


def test_of_ipv6_a_route_by_a_gateway_does_not_come_beside_one_of_others():
    mine, other = of_ipv6([A])[0], replace(of_ipv6([B])[0], protocol=3)
    assert aim([mine], [other])[0] == (other,)
