from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from netplan.system import programs
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.netfilter import Listing, Message
from netplan.system.netlink.wire import NETFILTER, Pile, attribute
from tests.scratch import in_scratch

KINDS = st.integers(1, 5)
CONTENTS = st.one_of(st.binary(max_size=9), st.sampled_from([b"nat\0", b"\4\0nat\0", b"\1\0\4\0", b"\4\0\4\0"]))
OBJECTS = st.lists(st.tuples(st.dictionaries(KINDS, CONTENTS, max_size=4), st.booleans()), max_size=8)


def listing(objects):
    """Return objects as the kernel would, each with its attributes, all of them nested or none."""
    data, starts = b"", []
    for values, nested in objects:
        content = b"\2\0\0\0" + b"".join(attribute(kind, value, nested=nested) for kind, value in values.items())
        starts.append(len(data))
        data += struct.pack("=IHHII", 16 + len(content), 0, 0, 1, 0) + content
    return Listing(Pile(data, starts))


@given(OBJECTS, KINDS, st.one_of(st.just(b""), CONTENTS))
def test_what_is_found_by_its_bytes_is_what_is_found_by_decoding_everything(objects, kind, start):
    expected = [values for values, _ in objects if kind in values and values[kind].startswith(start)]
    assert list(listing(objects).holding(kind, start)) == [Message(2, values) for values in expected]


def test_a_pile_holds_what_a_dump_gives():
    rules = "\n".join(["*nat", *(f":CHAIN-{number} - [0:0]" for number in range(500)), "COMMIT", ""])
    request = (10 << 8 | 4, bytes([2, 0, 0, 0]))

    def read() -> tuple[list[bytes], list[bytes]]:
        assert programs.run(["iptables-nft-restore"], rules).code == 0
        with Channel(NETFILTER) as channel:
            pile = channel.pile(*request)
            return [pile.content(index) for index in range(len(pile.starts))], channel.dump(*request)

    piled, dumped = in_scratch(read)
    assert (len(piled), piled) == (500, dumped)


def test_the_end_of_an_empty_dump_holds_nothing_whatever_its_bytes():
    assert list(Listing(Pile(struct.pack("=IHHIII", 20, 3, 2, 1, 4, 0), ())).holding(4)) == []
