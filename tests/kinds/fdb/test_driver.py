"""Entries of forwarding databases are read and written over netlink."""

from __future__ import annotations

from netplan.kinds.fdb import codec, driver
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.wire import decode
from tests import make, tunnels
from tests.kinds.drawn import NAMES
from tests.system.netlink.speaking import DONE, answer, error, speak, transmitted

ENTRY = tunnels.fdb()


def test_the_entries_of_tunnels_alone_are_read():
    message = answer(28, codec.encode_new(ENTRY, 3).payload)
    links = {2: Link(IfName("eth0"), 1500, up=True), 3: tunnels.link()}
    channel = speak([message, answer(DONE, bytes(4))])
    assert [*driver.observe(Reading(channel, links))] == [ENTRY]


def test_an_entry_is_created_and_deleted_by_the_index_of_its_device():
    channel = speak([error(0)])
    changes = [Change(None, ENTRY, make.WHY), Change(ENTRY, None, make.WHY)]
    driver.write(Writing(channel, NAMES, many=1), changes)
    assert [kind for kind, _, _, _ in decode(transmitted(channel))] == [28, 29]
