"""Messages of rtnetlink, taken apart and put together."""

from __future__ import annotations

import socket

import pytest

from netplan.net import Address
from netplan.system.netlink.route import ADDRESS, LINK, Message, address, deleting, making, message_of, u32
from netplan.system.netlink.wire import CREATE, attribute

FIELDS = (socket.AF_INET, 24, 0, 253, 7)


def test_a_message_has_the_fields_of_its_structure_and_its_attributes():
    request = making(ADDRESS, CREATE, FIELDS, attribute(2, b"\x0a\x04\x07\x15"))
    assert (request.kind, request.flags) == (ADDRESS.new, CREATE)
    assert message_of(ADDRESS, request.payload) == Message(FIELDS, {2: b"\x0a\x04\x07\x15"})


def test_a_request_to_delete_has_no_flags():
    request = deleting(LINK, (0, 0, 7, 0, 0), b"")
    assert (request.kind, request.flags, message_of(LINK, request.payload).fields) == (LINK.delete, 0, (0, 0, 7, 0, 0))


@pytest.mark.parametrize("text", ["10.4.7.21", "fd00:4::21"])
def test_an_address_is_of_the_ip_version_that_has_as_many_bytes(text):
    assert address(Address.parse(text).packed) == Address.parse(text)


def test_a_number_is_in_the_byte_order_of_the_machine():
    assert u32((4711).to_bytes(4, "little" if u32(b"\1\0\0\0") == 1 else "big")) == 4711
