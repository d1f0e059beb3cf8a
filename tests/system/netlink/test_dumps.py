"""Dumps of routing: what the kernel does not tell, and what it tells of other families."""

from __future__ import annotations

import errno

import pytest

from netplan.errors import ObserveError
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import ADDRESS, LINK
from netplan.system.netlink.route import ROUTE as ROUTES
from netplan.system.netlink.wire import ROUTE
from tests.system.netlink.speaking import DONE, INTERRUPTED_FLAG, answer, speak

DECNET = 12  # a family that no kernel has any longer


def test_objects_that_change_all_the_time_can_not_be_observed():
    channel = speak(*[[answer(DONE, bytes(4), INTERRUPTED_FLAG)]] * 5)
    with pytest.raises(ObserveError, match="change faster than they can be read"):
        dump(channel, LINK, (0, 0, 0, 0, 0))


def test_a_dump_of_which_answers_were_lost_can_not_be_observed():
    channel = speak([answer(LINK.new, bytes(16)), OSError(errno.ENOBUFS, "No buffer space available")])
    with pytest.raises(ObserveError, match="No buffer space"):
        dump(channel, LINK, (0, 0, 0, 0, 0))


@pytest.mark.parametrize("layout", [ADDRESS, ROUTES], ids=["addresses", "routes"])
def test_of_a_family_that_the_kernel_does_not_have_it_tells_nothing(layout):
    with Channel(ROUTE) as channel:
        fields = layout.header.unpack(bytes(layout.header.size))
        assert list(dump(channel, layout, fields)) != []
        assert list(dump(channel, layout, (DECNET, *fields[1:]))) == []


def test_objects_of_other_families_are_left_out():
    answers = [answer(ADDRESS.new, bytes([family, 24, 0, 0, 2, 0, 0, 0])) for family in (2, 10)]
    messages = dump(speak([*answers, answer(DONE, bytes(4))]), ADDRESS, (10, 0, 0, 0, 0))
    assert [message.fields for message in messages] == [(10, 24, 0, 0, 2)]
