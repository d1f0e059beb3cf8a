"""Requests of changes: what the kernel refuses has the name of its object, and what is gone is deleted."""

from __future__ import annotations

import errno

import pytest

from netplan.errors import KernelError
from netplan.kinds.netlink_driver import ChangeRequest, read_entries, standing, write, write_entries
from netplan.kinds.resource import Change, ObjectRefusedError
from netplan.net import IfName
from netplan.system.netlink.route import NEIGHBOUR, Message
from netplan.system.netlink.route import ROUTE as ROUTES
from netplan.system.netlink.wire import CREATE, Request
from tests import make, tunnels
from tests.system.netlink.speaking import error, speak

ENOBUFS = OSError(errno.ENOBUFS, "No buffer space available")


@pytest.mark.parametrize(
    ("answers", "why"),
    [([], "timed out"), ([ENOBUFS], "No buffer space")],
    ids=["an ack that never comes", "answers that were lost"],
)
def test_a_write_without_an_answer_names_what_was_asked(answers, why):
    changes = [Change(None, make.route(f"172.7.{number}.0/24"), make.WHY) for number in (22, 23)]
    requests = [ChangeRequest(change, Request(ROUTES.new, CREATE, b"")) for change in changes]
    channel = speak(answers)
    with pytest.raises(KernelError, match=rf"route 172\.7\.22\.0/24 .* and 1 more: .*{why}"):
        write(channel, requests)


CREATED = Change(None, make.route(), make.WHY)
DELETED = Change(make.route(), None, make.WHY)
NEW, DELETE = Request(ROUTES.new, CREATE, b""), Request(ROUTES.delete, 0, b"")


def test_what_the_kernel_takes_is_written():
    write(speak([error(0)]), [ChangeRequest(CREATED, NEW)])


@pytest.mark.parametrize(
    ("code", "why"),
    [(errno.EEXIST, "File exists"), (errno.EPERM, "it needs CAP_NET_ADMIN")],
    ids=["its own words", "ours"],
)
def test_what_the_kernel_refuses_is_named_with_the_reason(code, why):
    with pytest.raises(ObjectRefusedError, match=rf"^route 172\.7\.22\.0/24 via .* \(a test\): {why}$") as caught:
        write(speak([error(code)]), [ChangeRequest(CREATED, NEW)])
    assert caught.value.change is CREATED


def test_what_is_gone_already_is_deleted():
    write(speak([error(errno.ESRCH)]), [ChangeRequest(DELETED, DELETE)])


def test_what_does_not_exist_in_its_first_form_is_deleted_in_the_next():
    with pytest.raises(ObjectRefusedError, match="Device or resource busy"):
        write(speak([error(errno.ESRCH)], [error(errno.EBUSY)]), [ChangeRequest(DELETED, DELETE, (DELETE,))])


def test_what_is_to_stand_on_a_missing_device_is_refused():
    with pytest.raises(ObjectRefusedError, match="there is no interface eth0"):
        standing(IfName("eth0"), {}, CREATED)


def test_what_goes_with_its_device_needs_no_request():
    assert (standing(IfName("eth0"), {}, DELETED), standing(IfName("eth0"), {IfName("eth0"): 2}, CREATED)) == (None, 2)


def test_entries_of_a_device_are_created_and_deleted_by_its_index():
    requests = []

    def request(kind):
        def encode(entry, index):
            requests.append((kind, entry.link, index))
            return Request(NEIGHBOUR.new, CREATE, b"")

        return encode

    entry, stray = tunnels.fdb(), tunnels.fdb(device="podnet.2")
    changes = [Change(None, entry, make.WHY), Change(entry, None, make.WHY), Change(stray, None, make.WHY)]
    write_entries(speak([error(0)]), {IfName("podnet.1"): 3}, changes, request("create"), request("delete"))
    assert requests == [("create", "podnet.1", 3), ("delete", "podnet.1", 3)]


def test_entries_that_do_not_count_are_left_out():
    message = Message((), {})
    devices = {3: "podnet.1", 4: "podnet.2"}
    entries = read_entries(
        devices, lambda _: [message], lambda _, links: tunnels.fdb(device=links[3]) if 3 in links else None
    )
    assert [*entries] == [tunnels.fdb()]


def test_a_write_of_which_nothing_is_known_is_an_error():
    with pytest.raises(KernelError, match="the kernel does not say what became of route"):
        write(speak([]), [ChangeRequest(CREATED, NEW)])
