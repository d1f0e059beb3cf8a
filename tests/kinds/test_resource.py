"""Changes of objects: what they leave, what they are called, and why the kernel refused one."""

from __future__ import annotations

import pickle

import pytest

from netplan.errors import Location
from netplan.kinds.chain.value import PlacedRule
from netplan.kinds.resource import Action, Change, ObjectRefusedError, Reason, kernel_refusal
from tests import make

ROUTE, OTHER = make.route(), make.route(via="10.4.7.9")
RULE, MOVED = (PlacedRule(make.FORWARD, position, make.rule(make.REJECT)) for position in (1, 2))


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        (None, ROUTE, Action.CREATE),
        (ROUTE, None, Action.DELETE),
        (ROUTE, OTHER, Action.UPDATE),
        (RULE, MOVED, Action.MOVE),
    ],
)
def test_a_change_is_called_by_what_it_does_and_is_of_the_object_that_it_leaves_or_takes_away(before, after, action):
    change = Change(before, after, make.WHY)
    assert (change.action, change.resource) == (action, after or before)


def test_a_change_of_nothing_has_no_object():
    with pytest.raises(ValueError, match="a change has a before, an after, or both"):
        _ = Change(None, None, make.WHY).resource


def test_a_remark_follows_the_reason():
    at = Location("s.yaml", 3, 1)
    assert Reason("subnet of b", at).with_remark("the tunnel is new") == Reason("subnet of b; the tunnel is new", at)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("subnet of b", Location("s.yaml", 3, 1)), "route {} (subnet of b, s.yaml:3:1): File exists"),
        (Reason("no longer wanted"), "route {} (no longer wanted): File exists"),
    ],
)
def test_a_refusal_names_the_object_the_line_of_the_spec_and_why(reason, text):
    assert str(kernel_refusal(Change(None, ROUTE, reason), "File exists")) == text.format(ROUTE)


def test_a_refusal_is_carried_between_processes_with_its_change():
    refusal = kernel_refusal(Change(None, ROUTE, make.WHY), "File exists")
    again = pickle.loads(pickle.dumps(refusal))
    assert (type(again), str(again), again.change) == (ObjectRefusedError, str(refusal), refusal.change)
