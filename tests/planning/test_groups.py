"""Nodes that are alike share what is traced on one of them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from netplan.net import IfName
from netplan.planning.groups import like, likeness, place_of
from tests import make

NODE = make.node()
EFFECTS: Any = ("an effect",)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (make.node("b", "10.4.7.22/24", "172.7.22.0/24"), True),
        (make.node("b", "10.9.9.9/24", "172.7.22.0/24"), False),
        (replace(NODE, bridge=IfName("cni0")), False),
        (replace(NODE, mtu=9000), False),
    ],
    ids=["a peer on the segment", "another segment", "another bridge", "another MTU"],
)
def test_nodes_are_at_one_place_whose_packets_leave_alike(other, same):
    assert (place_of(NODE) == place_of(other)) is same


def test_a_new_node_is_unlike_one_that_was_there():
    plan = make.plan()
    then = (None, NODE, replace(NODE, mtu=9000))
    assert len({likeness(plan, NODE, node) for node in then}) == 3


def test_a_plan_has_the_effects_that_were_traced_on_a_node_like_its_own_and_says_on_which():
    traced = replace(make.plan(name="b"), effects=EFFECTS)
    shared = like(make.plan(), traced)
    assert (shared.effects, shared.traced_on) == (EFFECTS, "b")
    assert like(make.plan(), shared).traced_on == "b"


def test_a_plan_stays_as_it_is_where_nothing_was_traced():
    plan = make.plan()
    assert like(plan, make.plan(name="b")) is plan
