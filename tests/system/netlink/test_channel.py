from __future__ import annotations

import errno
import socket
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import ADDRESS, LINK, deleting, making, u32
from netplan.system.netlink.route import ROUTE as ROUTES
from netplan.system.netlink.wire import (
    CREATE,
    EXCLUSIVE,
    ROUTE,
    Pile,
    Request,
    UnsettledError,
    attribute,
    number_attribute,
    text,
)
from tests.scratch import in_scratch
from tests.system.netlink.speaking import DONE, INTERRUPTED_FLAG, OBJECT, answer, error, speak

NAME, MTU = 3, 4
LOCAL = 2
DESTINATION, OIF, GATEWAY = 1, 4, 5
LOOPBACK = 1


def _links() -> list[tuple[str, int]]:
    with Channel(ROUTE) as channel:
        messages = dump(channel, LINK, (0, 0, 0, 0, 0))
        return [(text(message.attributes[NAME]), u32(message.attributes[MTU])) for message in messages]


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
    destination = (0x0A000000 + (number << 8)).to_bytes(4, "big")
    content = attribute(DESTINATION, destination) + number_attribute(OIF, LOOPBACK)
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
        content = attribute(DESTINATION, b"\x0a\0\0\0") + attribute(GATEWAY, b"\x0b\0\0\1") + number_attribute(OIF, 1)
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


def test_a_dump_that_was_interrupted_is_asked_for_again():
    broken = [answer(OBJECT, b"old!", INTERRUPTED_FLAG), answer(DONE, bytes(4), INTERRUPTED_FLAG)]
    whole = [answer(OBJECT, b"new!"), answer(DONE, bytes(4))]
    assert speak(broken, whole).dump(1, b"") == [b"new!"]


def test_a_pile_that_was_interrupted_is_asked_for_again():
    broken = [answer(OBJECT, b"1..."), answer(OBJECT, b"old!", INTERRUPTED_FLAG), answer(DONE, bytes(4))]
    whole = [answer(OBJECT, b"1..."), answer(OBJECT, b"new!"), answer(DONE, bytes(4))]
    pile = speak(broken, whole).pile(1, b"")
    assert [pile.content(index) for index in range(len(pile.starts))] == [b"1...", b"new!"]


@given(st.lists(st.sampled_from([b"1...", b"2...", b"other so"]), max_size=200))
def test_a_pile_has_every_message_wherever_those_alike_begin_and_end(contents):
    together = b"".join(answer(OBJECT, content)(1) for content in contents)
    pile = speak([lambda _: together, answer(DONE, bytes(4))]).pile(1, b"")
    assert [pile.content(index) for index in range(len(pile.starts))] == contents


def test_a_pile_has_nothing_in_it_of_what_ends_a_dump():
    assert speak([answer(DONE, bytes(4))]).pile(1, b"") == Pile(b"", [])
    assert len(speak([answer(OBJECT, b"1..."), answer(DONE, bytes(4))]).pile(1, b"").data) == 20


@pytest.mark.parametrize("way", [Channel.dump, Channel.pile])
def test_a_dump_that_is_always_interrupted_is_no_state(way):
    broken = [answer(OBJECT, b"old!"), answer(DONE, bytes(4), INTERRUPTED_FLAG)]
    channel = speak(*[broken] * 5)
    with pytest.raises(UnsettledError):
        way(channel, 1, b"")


def test_answers_to_earlier_requests_are_passed_over():
    stale = answer(OBJECT, b"old!")
    channel = speak([error(errno.EEXIST)], [lambda _: stale(1), answer(OBJECT, b"new!"), answer(DONE, bytes(4))])
    channel.write([Request(1, 0, b"")])
    assert channel.dump(1, b"") == [b"new!"]
