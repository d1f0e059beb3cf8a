from __future__ import annotations

import errno
import socket
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.errors import KernelError, ObserveError
from netplan.kinds.netlink_driver import ChangeRequest, write
from netplan.kinds.resource import Change
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
    attributes,
    elements,
    number_attribute,
    text,
)
from tests import make
from tests.scratch import in_scratch

NAME, MTU = 3, 4
LOCAL = 2
DESTINATION, OIF, GATEWAY = 1, 4, 5
LOOPBACK = 1
DECNET = 12  # a family that no kernel has any longer


@given(st.dictionaries(st.integers(1, 100), st.binary(max_size=40)))
def test_attributes_that_are_written_are_read_back(values):
    assert attributes(b"".join(attribute(kind, data) for kind, data in values.items())) == values


@given(st.lists(st.binary(max_size=40)))
def test_elements_that_are_written_are_read_back(values):
    assert list(elements(b"".join(attribute(1, data) for data in values))) == values


def test_a_nested_attribute_has_the_number_of_a_plain_one():
    assert attributes(attribute(7, attribute(1, b"x"), nested=True)) == {7: attribute(1, b"x")}


def test_attributes_of_one_size_are_read_as_each_is_laid_out():
    one, other = {1: b"abcd", 2: b"efgh"}, {3: b"abcdefghijkl"}
    for values in (one, other, {2: b"abcd", 1: b"efgh"}, {1: b"abc", 2: b"efgh"}, one, other):
        assert attributes(b"".join(attribute(kind, data) for kind, data in values.items())) == values


@pytest.mark.parametrize("data", [b"", b"\4", b"\0\0\1\0", b"\3\0\1\0xxxx"], ids=["empty", "cut", "no length", "short"])
def test_attributes_that_are_broken_do_not_hang(data):
    assert len(attributes(data)) <= 2


def test_a_string_ends_at_its_nul():
    assert text(b"eth0\0") == "eth0"


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


class FakeSocket:
    """A socket that answers each request with the next of the given answers, one receipt each, or fails as one says."""

    def __init__(self, *answers):
        self.answers = [*answers]
        self.waiting = []

    def __call__(self, *_):
        return self

    def settimeout(self, seconds):
        """Wait for nothing."""

    def setsockopt(self, *option):
        """Know every option."""

    def bind(self, address):
        """Need no address."""

    def close(self):
        """Hold nothing."""

    def send(self, data):
        (number,) = struct.unpack_from("=I", data, 8)
        while len(data) > struct.unpack_from("=I", data)[0]:
            data = data[(struct.unpack_from("=I", data)[0] + 3) & ~3 :]
            (number,) = struct.unpack_from("=I", data, 8)
        self.waiting += [answer if isinstance(answer, OSError) else answer(number) for answer in self.answers.pop(0)]

    def recv_into(self, buffer):
        if not self.waiting:
            raise TimeoutError("timed out")
        answer = self.waiting.pop(0)
        if isinstance(answer, OSError):
            raise answer
        buffer[: len(answer)] = answer
        return len(answer)


def answer(kind, content=b"", flags=0):
    """Return what the kernel sends for the request of a number."""
    return lambda number: struct.pack("=IHHII", 16 + len(content), kind, flags, number, 0) + content


def error(code):
    return answer(2, struct.pack("=i", -code) + bytes(16))


OBJECT, DONE, INTERRUPTED_FLAG = 24, 3, 0x10


@pytest.fixture
def speak(monkeypatch):
    """Open a channel to a kernel that answers as a test says."""

    def opened(*answers):
        monkeypatch.setattr("netplan.system.netlink.channel.socket.socket", FakeSocket(*answers))
        return Channel(ROUTE)

    return opened


def test_a_dump_that_was_interrupted_is_asked_for_again(speak):
    broken = [answer(OBJECT, b"old!", INTERRUPTED_FLAG), answer(DONE, bytes(4), INTERRUPTED_FLAG)]
    whole = [answer(OBJECT, b"new!"), answer(DONE, bytes(4))]
    assert speak(broken, whole).dump(1, b"") == [b"new!"]


def test_a_pile_that_was_interrupted_is_asked_for_again(speak):
    broken = [answer(OBJECT, b"1..."), answer(OBJECT, b"old!", INTERRUPTED_FLAG), answer(DONE, bytes(4))]
    whole = [answer(OBJECT, b"1..."), answer(OBJECT, b"new!"), answer(DONE, bytes(4))]
    pile = speak(broken, whole).pile(1, b"")
    assert [pile.content(index) for index in range(len(pile.starts))] == [b"1...", b"new!"]


@given(st.lists(st.sampled_from([b"1...", b"2...", b"other so"]), max_size=200))
def test_a_pile_has_every_message_wherever_those_alike_begin_and_end(contents):
    together = b"".join(answer(OBJECT, content)(1) for content in contents)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "netplan.system.netlink.channel.socket.socket", FakeSocket([lambda _: together, answer(DONE, bytes(4))])
        )
        pile = Channel(ROUTE).pile(1, b"")
    assert [pile.content(index) for index in range(len(pile.starts))] == contents


def test_a_pile_has_nothing_in_it_of_what_ends_a_dump(speak):
    assert speak([answer(DONE, bytes(4))]).pile(1, b"") == Pile(b"", [])
    assert len(speak([answer(OBJECT, b"1..."), answer(DONE, bytes(4))]).pile(1, b"").data) == 20


@pytest.mark.parametrize("way", [Channel.dump, Channel.pile])
def test_a_dump_that_is_always_interrupted_is_no_state(speak, way):
    broken = [answer(OBJECT, b"old!"), answer(DONE, bytes(4), INTERRUPTED_FLAG)]
    channel = speak(*[broken] * 5)
    with pytest.raises(UnsettledError):
        way(channel, 1, b"")


def test_objects_that_change_all_the_time_can_not_be_observed(speak):
    channel = speak(*[[answer(DONE, bytes(4), INTERRUPTED_FLAG)]] * 5)
    with pytest.raises(ObserveError, match="change faster than they can be read"):
        dump(channel, LINK, (0, 0, 0, 0, 0))


def test_a_dump_of_which_answers_were_lost_can_not_be_observed(speak):
    channel = speak([answer(LINK.new, bytes(16)), OSError(errno.ENOBUFS, "No buffer space available")])
    with pytest.raises(ObserveError, match="No buffer space"):
        dump(channel, LINK, (0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("answers", "why"),
    [([], "timed out"), ([OSError(errno.ENOBUFS, "No buffer space available")], "No buffer space")],
    ids=["an ack that never comes", "answers that were lost"],
)
def test_a_write_without_an_answer_names_what_was_asked(speak, answers, why):
    changes = [Change(None, make.route(f"172.7.{number}.0/24"), make.WHY) for number in (22, 23)]
    requests = [ChangeRequest(change, Request(ROUTES.new, CREATE, b"")) for change in changes]
    channel = speak(answers)
    with pytest.raises(KernelError, match=rf"route 172\.7\.22\.0/24 .* and 1 more: .*{why}"):
        write(channel, requests)


def test_answers_to_earlier_requests_are_passed_over(speak):
    stale = answer(OBJECT, b"old!")
    channel = speak([error(errno.EEXIST)], [lambda _: stale(1), answer(OBJECT, b"new!"), answer(DONE, bytes(4))])
    channel.write([Request(1, 0, b"")])
    assert channel.dump(1, b"") == [b"new!"]


@pytest.mark.parametrize("layout", [ADDRESS, ROUTES], ids=["addresses", "routes"])
def test_of_a_family_that_the_kernel_does_not_have_it_tells_nothing(layout):
    with Channel(ROUTE) as channel:
        fields = layout.header.unpack(bytes(layout.header.size))
        assert list(dump(channel, layout, fields)) != []
        assert list(dump(channel, layout, (DECNET, *fields[1:]))) == []
