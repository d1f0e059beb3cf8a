from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.ipset.value import DIMENSIONS, IpSet, Member, Port, named_sets
from netplan.net import Prefix
from tests import make

PARTS = {
    "net": st.builds(
        lambda value, length: Prefix(4, value, 32).within(length), st.integers(0, 2**32 - 1), st.integers(0, 32)
    ),
    "port": st.builds(Port, st.integers(0, 255), st.integers(0, 65535)),
    "iface": st.sampled_from(["eth0", "eth+", "a,b"]),
    "set": st.sampled_from(["blocked", "a,b nomatch"]),
}


@st.composite
def sets(draw):
    """Draw a set of any type."""
    name = draw(st.sampled_from(sorted(DIMENSIONS)))
    parts = st.tuples(*(PARTS[dimension] for dimension in DIMENSIONS[name]))
    members = st.builds(Member, parts, st.just(False) if name == "list:set" else st.booleans())
    return IpSet("s", name, members=tuple(draw(st.lists(members, max_size=4))))


@given(sets() | st.builds(IpSet, st.just("s"), st.just("hash:mac"), st.sampled_from([0, 4, 6]), unread=st.just(True)))
def test_a_set_is_read_back_from_its_json(ipset):
    assert IpSet.from_json(json.loads(json.dumps(ipset.to_json()))) == ipset


def test_a_member_is_written_as_ipset_takes_it():
    member = Member((Prefix.parse("10.0.0.1/32"), Port(6, 80), Prefix.parse("172.7.0.0/16")), nomatch=True)
    assert str(member) == "10.0.0.1,6:80,172.7.0.0/16 nomatch"


@pytest.mark.parametrize("wrong", ["10.0.0.1", "10.0.0.1,80", "10.0.0.1,6:80000", "10.0.0.1/8,6:80", "x,6:80"])
def test_a_text_that_is_no_member_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Member.parse(wrong, DIMENSIONS["hash:ip,port"])


def test_the_sets_are_found_that_rules_ask():
    rules = make.rules("-m set --match-set a src -j DROP", "-p tcp -m set ! --match-set b dst,src -j DROP", "-j DROP")
    assert named_sets(rules) == {"a", "b"}


@pytest.mark.parametrize(
    ("ipset", "text"),
    [
        (IpSet("pods", "hash:net", members=(Member.parse("10.0.0.0/8", ("net",)),)), "pods hash:net, 1 member"),
        (IpSet("a\x1b[0m", "hash:mac", unread=True), "a\\x1b[0m hash:mac, not read"),
    ],
)
def test_a_set_is_told_with_its_type_and_how_many_members_it_has(ipset, text):
    assert (str(ipset), ipset.key, ipset.ours) == (text, ipset.name, False)
