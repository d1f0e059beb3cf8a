"""A state of a node: its objects by kind and key, and what of it is looked at."""

from __future__ import annotations

import pytest

from netplan.kinds.chain.reach import FEW_RULES, MANY_RULES
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Interest
from netplan.net import Address
from netplan.trace import Packet, Passing
from tests import make

FIRST, SECOND = make.route(), make.route(via="10.4.7.9", protocol=3)
STATE = make.snapshot(make.saved(filter=[make.REJECT]), FIRST, SECOND)
PACKETS = [Packet(Address.parse(f"172.7.21.{host}"), Address.parse("172.7.22.2")) for host in (2, 3)]


def test_objects_stand_in_the_order_in_which_they_were_given():
    assert [link.name for link in STATE.all(Link)] == ["lo", "eth0", "docker0"]


def test_of_several_routes_of_one_key_the_first_is_found_by_it():
    assert (STATE.index["route", FIRST.key], STATE.routes[FIRST.key]) == (FIRST, [FIRST, SECOND])


def test_a_chain_that_is_not_there_has_no_rules():
    assert (make.texts(STATE.rules(make.FORWARD)), STATE.rules(make.FORWARD_CHAIN)) == ([make.REJECT], ())


def test_other_objects_of_one_kind_leave_all_others_as_they_are():
    other = STATE.replace(Route, [SECOND])
    assert (other.all(Route), other.all(Link), STATE.all(Route)[-2:]) == ((SECOND,), STATE.all(Link), (FIRST, SECOND))


def test_two_interests_together_look_at_what_either_looks_at():
    one = Interest(frozenset({make.FORWARD}), sysctls=frozenset({"net.ipv4.ip_forward"}), limit=FEW_RULES)
    other = Interest(walks=frozenset({make.POSTROUTING}), ports=frozenset({8472}), limit=MANY_RULES)
    assert one | other == Interest(
        frozenset({make.FORWARD}),
        frozenset({make.POSTROUTING}),
        frozenset({"net.ipv4.ip_forward"}),
        limit=max(FEW_RULES, MANY_RULES),
        ports=frozenset({8472}),
    )


def test_what_either_follows_is_followed():
    one, other = (Interest(follows=Passing.of([packet])) for packet in PACKETS)
    assert (one | Interest()).follows == one.follows
    assert (one | other).follows == Passing.of(PACKETS)


@pytest.mark.parametrize(
    ("interest", "rules"),
    [
        (Interest(), False),
        (Interest(sysctls=frozenset({"net.ipv4.ip_forward"})), False),
        (Interest(searched=frozenset({"nat"})), True),
        (Interest(traced=frozenset({make.FORWARD})), True),
    ],
)
def test_rules_are_looked_at_where_a_chain_is_or_a_table_is_searched(interest, rules):
    assert interest.rules is rules
