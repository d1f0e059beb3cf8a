from __future__ import annotations

import pytest

from netplan.errors import Location
from netplan.kinds.change_json import change_from_json, change_to_json
from netplan.kinds.resource import Change, Insertion, Reason
from tests import make

ROUTE = make.route()
CREATE = Change(None, ROUTE, Reason("wanted", Location("spec.yaml", 3, 5)))


@pytest.mark.parametrize(
    "change",
    [CREATE, Change(ROUTE, None, Reason("unwanted")), Change(None, ROUTE, Reason("beside"), Insertion.FIRST)],
    ids=["create", "delete", "place"],
)
def test_a_change_is_read_back(change):
    assert change_from_json(change_to_json(change)) == change


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "tunnel"}, "there is no kind 'tunnel'"),
        ({"after": None}, "it has neither a before nor an after"),
        ({"place": "middle"}, "'middle' is not a valid Insertion"),
    ],
)
def test_what_is_no_change_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        change_from_json({**change_to_json(CREATE), **wrong})
