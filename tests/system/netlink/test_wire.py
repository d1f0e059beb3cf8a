"""Messages of netlink as bytes."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.system.netlink.wire import (
    ACK,
    ERROR,
    Pile,
    Refusal,
    Request,
    attribute,
    attributes,
    decode,
    elements,
    encode,
    number_attribute,
    raise_refusal,
    refusal_of,
    run_length,
    spellings,
    text,
)


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


REQUESTS = st.builds(Request, st.integers(0, 0xFFFF), st.integers(0, 0xFFFE), st.binary(max_size=40))


@given(st.lists(REQUESTS, max_size=5))
def test_requests_that_are_sent_together_are_read_one_by_one(requests):
    data = b"".join(encode(request, number) for number, request in enumerate(requests))
    assert [*decode(data)] == [
        (request.kind, request.flags | 1, number, request.payload) for number, request in enumerate(requests)
    ]


def test_a_pile_has_the_content_of_each_message():
    messages = [encode(Request(1, 0, content), 1) for content in (b"abc", b"defg")]
    assert [Pile(b"".join(messages), (0, 20)).content(index) for index in (0, 1)] == [b"abc", b"defg"]


@pytest.mark.parametrize("count", [1, 3, 100])
def test_messages_that_begin_alike_are_counted_up_to_as_many_as_are_compared_at_once(count):
    messages = b"".join(encode(Request(1, 0, bytes([number] * 4)), 1) for number in range(count))
    other = encode(Request(2, 0, b"next"), 1)
    assert run_length(messages + other, 0, 20) == min(count, 64)


def test_the_type_of_an_attribute_is_spelled_with_any_of_its_two_flags():
    assert [int.from_bytes(spelling, "little") for spelling in spellings(7)] == [7, 0x4007, 0x8007, 0xC007]


CAPPED, EXPLAINED = 0x100, 0x200
SAID = attribute(1, b"Nexthop has invalid gateway.\0")
ECHO = encode(Request(24, ACK, b"a route."), 9)


@pytest.mark.parametrize(
    ("flags", "content", "refusal"),
    [
        (0, struct.pack("=i", 0), None),
        (0, b"", None),
        (CAPPED, struct.pack("=i", -errno.EEXIST) + ECHO[:16], Refusal(errno.EEXIST, "")),
        (
            EXPLAINED,
            struct.pack("=i", -errno.ENETUNREACH) + ECHO + SAID,
            Refusal(errno.ENETUNREACH, "Nexthop has invalid gateway."),
        ),
        (
            CAPPED | EXPLAINED,
            struct.pack("=i", -errno.EINVAL) + ECHO[:16] + SAID,
            Refusal(errno.EINVAL, "Nexthop has invalid gateway."),
        ),
        (EXPLAINED, struct.pack("=i", -errno.EINVAL), Refusal(errno.EINVAL, "")),
    ],
    ids=["done", "nothing", "capped", "explained", "capped and explained", "nothing behind the code"],
)
def test_an_answer_carries_an_error_with_the_kernel_s_words_if_it_has_some(flags, content, refusal):
    assert refusal_of(flags, content) == refusal


@pytest.mark.parametrize(("said", "words"), [("", "File exists"), ("it is there.", "File exists: it is there")])
def test_a_refusal_is_told_in_the_words_of_the_error_and_of_the_kernel(said, words):
    assert str(Refusal(errno.EEXIST, said)) == words


def test_a_dump_that_ends_with_an_error_raises_it():
    with pytest.raises(OSError, match="Operation not permitted"):
        raise_refusal(ERROR, 0, struct.pack("=i", -errno.EPERM) + ECHO[:16])
    raise_refusal(ERROR, 0, struct.pack("=i", 0))


def test_a_number_is_in_the_byte_order_of_the_machine():
    assert number_attribute(4, 1500) == attribute(4, struct.pack("=I", 1500))


def test_bytes_that_are_no_text_are_carried_through():
    assert text(b"caf\xe9\0").encode("utf-8", "surrogateescape") == b"caf\xe9"
