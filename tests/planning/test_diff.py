from __future__ import annotations

from netplan.kinds.resource import Reason, Wanted
from netplan.planning.diff import diff_by_key
from tests import make


def changes(wanted, actual):
    return make.said(diff_by_key([Wanted(route, make.WHY) for route in wanted], actual, make.WHY))


def test_what_is_there_as_wanted_is_no_change():
    assert not changes([make.route()], [make.route()])


def test_what_is_not_there_is_created():
    assert changes([make.route()], []) == ["create route 172.7.22.0/24 via 10.4.7.22 dev eth0"]


def test_what_has_another_content_is_updated_and_not_created_anew():
    assert changes([make.route()], [make.route(via="10.4.7.9")]) == [
        "update route 172.7.22.0/24 via 10.4.7.22 dev eth0"
    ]


def test_what_is_not_wanted_is_deleted():
    assert changes([], [make.route()]) == ["delete route 172.7.22.0/24 via 10.4.7.22 dev eth0"]


def test_an_object_of_another_key_is_another_object():
    assert changes([make.route(metric=0)], [make.route(metric=100)]) == [
        "create route 172.7.22.0/24 via 10.4.7.22 dev eth0",
        "delete route 172.7.22.0/24 via 10.4.7.22 dev eth0 metric 100",
    ]


def test_deletes_come_in_the_order_of_their_keys():
    present = [make.route(f"172.7.{third}.0/24") for third in (9, 100, 10)]
    assert [change.split()[2] for change in changes([], present)] == ["172.7.9.0/24", "172.7.10.0/24", "172.7.100.0/24"]


def test_changes_come_in_the_order_wanted_and_deletes_last():
    wanted = [make.route("172.7.24.0/24"), make.route("172.7.23.0/24")]
    assert [change.split()[2] for change in changes(wanted, [make.route("172.7.22.0/24")])] == [
        "172.7.24.0/24",
        "172.7.23.0/24",
        "172.7.22.0/24",
    ]


def test_a_change_has_the_reason_of_what_is_wanted_and_a_delete_that_of_what_is_not():
    stale = Reason("stale")
    changes = diff_by_key([Wanted(make.route(), make.WHY)], [make.route("172.7.9.0/24")], stale)
    assert [change.reason for change in changes] == [make.WHY, stale]
