from __future__ import annotations

import errno
import socket
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.netlink import (
    CREATE,
    EXCLUSIVE,
    ROUTE,
    Channel,
    Request,
    attribute,
    attributes,
    elements,
    text,
)
from netplan.rtnetlink import ADDRESS, LINK, deleting, dump, making, packed_u32, u32
from netplan.rtnetlink import ROUTE as ROUTES
from tests.scratch import in_scratch

NAME, MTU = 3, 4
LOCAL = 2
DESTINATION, OIF, GATEWAY = 1, 4, 5
LOOPBACK = 1


@given(st.dictionaries(st.integers(1, 100), st.binary(max_size=40)))
def test_attributes_that_are_written_are_read_back(values):
    assert attributes(b"".join(attribute(kind, data) for kind, data in values.items())) == values


@given(st.lists(st.binary(max_size=40)))
def test_elements_that_are_written_are_read_back(values):
    assert list(elements(b"".join(attribute(1, data) for data in values))) == values


def test_a_nested_attribute_has_the_number_of_a_plain_one():
    assert attributes(attribute(7, attribute(1, b"x"), nested=True)) == {7: attribute(1, b"x")}


@pytest.mark.parametrize("data", [b"", b"\4", b"\0\0\1\0", b"\3\0\1\0xxxx"], ids=["empty", "cut", "no length", "short"])
def test_attributes_that_are_broken_do_not_hang(data):
    assert len(attributes(data)) <= 2


def test_a_string_ends_at_its_nul():
    assert text(b"eth0\0") == "eth0"


def _links() -> list[tuple[str, int]]:
    with Channel(ROUTE) as channel:
        found = dump(channel, LINK, (0, 0, 0, 0, 0))
        return [(text(each.attributes[NAME]), u32(each.attributes[MTU])) for each in found]


def test_a_dump_gives_every_object():
    assert in_scratch(_links) == [("lo", 65536)]


def test_requests_have_the_outcome_of_their_system_tools():
    def outcome() -> str:
        with Channel(ROUTE) as channel:
            add = making(
                ADDRESS, CREATE | EXCLUSIVE, (socket.AF_INET, 8, 0, 0, LOOPBACK), attribute(LOCAL, b"\x0a\0\0\1")
            )
            assert channel.write([add]) == {}
        return subprocess.run(["ip", "-br", "-4", "addr"], capture_output=True, text=True, check=True).stdout

    assert "10.0.0.1/8" in in_scratch(outcome)


def _route(number: int) -> Request:
    content = attribute(DESTINATION, (0x0A000000 + (number << 8)).to_bytes(4, "big")) + attribute(
        OIF, packed_u32(LOOPBACK)
    )
    return making(ROUTES, CREATE | EXCLUSIVE, (socket.AF_INET, 24, 0, 0, 254, 112, 253, 1, 0), content)


def _written(*numbers: int) -> dict[int, tuple[int, str]]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with Channel(ROUTE) as channel:
        refused = channel.write([_route(number) for number in numbers])
        return {index: (refusal.code, refusal.said) for index, refusal in refused.items()}


def test_a_refusal_names_its_request_wherever_it_stands_among_many():
    numbers = [*range(1000)]
    numbers[300] = numbers[299]
    numbers[999] = 0
    assert {index: code for index, (code, _) in in_scratch(_written, *numbers).items()} == {
        300: errno.EEXIST,
        999: errno.EEXIST,
    }


def test_every_request_may_be_refused():
    refused = in_scratch(_written, *[1] * 500)
    assert sorted(refused) == [*range(1, 500)]


def test_a_refusal_has_the_kernel_s_own_words():
    def outcome() -> str:
        content = (
            attribute(DESTINATION, b"\x0a\0\0\0") + attribute(GATEWAY, b"\x0b\0\0\1") + attribute(OIF, packed_u32(1))
        )
        with Channel(ROUTE) as channel:
            return str(
                channel.write([making(ROUTES, CREATE, (socket.AF_INET, 24, 0, 0, 254, 112, 0, 1, 0), content)])[0]
            )

    assert in_scratch(outcome) == "Network is unreachable: Nexthop has invalid gateway"


def test_a_refusal_without_words_is_the_error_s_own():
    def outcome() -> str:
        with Channel(ROUTE) as channel:
            return str(channel.write([deleting(LINK, (0, 0, 4711, 0, 0), b"")])[0])

    assert in_scratch(outcome) == "No such device"


def test_a_dump_that_the_kernel_refuses_is_an_error():
    def outcome() -> None:
        with Channel(ROUTE) as channel:
            channel.dump(9999, b"\0" * 16)

    with pytest.raises(OSError, match="not supported"):
        in_scratch(outcome)
