"""Permanent neighbours are read and written over netlink."""

from __future__ import annotations

from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.neighbour import codec, driver
from netplan.kinds.resource import Change
from netplan.system.netlink.wire import decode
from tests import make, tunnels
from tests.kinds.drawn import NAMES
from tests.system.netlink.speaking import DONE, answer, error, speak, transmitted

NEIGHBOUR = tunnels.neighbour()
INDEX = NAMES[NEIGHBOUR.link]


def test_the_neighbours_behind_a_tunnel_are_read_of_both_ip_versions():
    six = tunnels.neighbour("fd00:7::22")
    channel = speak(
        *([answer(28, codec.encode_new(entry, INDEX).payload), answer(DONE, bytes(4))] for entry in (NEIGHBOUR, six))
    )
    assert [*driver.observe(Reading(channel, {INDEX: tunnels.link()}))] == [NEIGHBOUR, six]


def test_a_neighbour_is_created_and_deleted_by_the_index_of_its_device():
    channel = speak([error(0)])
    changes = [Change(None, NEIGHBOUR, make.WHY), Change(NEIGHBOUR, None, make.WHY)]
    driver.write(Writing(channel, NAMES, many=1), changes)
    assert [kind for kind, _, _, _ in decode(transmitted(channel))] == [28, 29]
