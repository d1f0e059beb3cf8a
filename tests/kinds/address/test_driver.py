"""Addresses of devices are read and written over netlink."""

from __future__ import annotations

from msgspec.structs import replace

from netplan.kinds.address import codec, driver
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.resource import Change
from netplan.net import InterfaceAddress
from netplan.system.netlink.wire import decode
from tests import make, tunnels
from tests.kinds.drawn import LINKS, NAMES
from tests.system.netlink.speaking import DONE, answer, error, speak, transmitted

ADDRESS = tunnels.address()


def message(address):
    """Return what the kernel tells of an address."""
    return answer(20, codec.encode_new(address, NAMES[address.link]).payload)


def observed(*addresses):
    """Read what a kernel tells, of IPv4 first and then of IPv6."""
    listed = [
        [message(address) for address in addresses if address.address.address.version == version] for version in (4, 6)
    ]
    channel = speak(*([*messages, answer(DONE, bytes(4))] for messages in listed))
    return [str(address) for address in driver.observe(Reading(channel, LINKS))]


def test_the_addresses_of_both_ip_versions_are_read():
    both = ADDRESS, tunnels.address("fd00:7::1/64")
    assert observed(*both) == [str(address) for address in both]


def test_what_every_device_has_by_itself_is_left_out():
    assert observed(replace(ADDRESS, address=InterfaceAddress.parse("fe80::1/64"), scope=253)) == []


def sent(before, after):
    """Return the types of the requests that a change takes."""
    channel = speak([error(0)])
    driver.write(Writing(channel, NAMES, many=1), [Change(before, after, make.WHY)])
    return [kind for kind, _, _, _ in decode(transmitted(channel))]


def test_an_address_whose_scope_changes_goes_first():
    assert sent(ADDRESS, replace(ADDRESS, scope=253)) == [21, 20]


def test_an_address_that_stays_is_written_all_the_same():
    assert sent(ADDRESS, ADDRESS) == [20]
