"""Which prefixes lie in another one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netplan.net import Address, Prefix
from netplan.spec.prefixes import around, family_key, nested

PREFIXES = st.builds(
    lambda value, length: around(Address(4, value << 28), length), st.integers(0, 15), st.integers(0, 4)
)


@given(st.lists(PREFIXES, max_size=8).map(lambda prefixes: dict(enumerate(prefixes))))
def test_every_prefix_that_overlaps_another_is_found_with_the_narrowest_that_it_lies_in(prefixes):
    outer = dict(nested(prefixes))
    for name, prefix in prefixes.items():
        wider = [
            other.length for key, other in prefixes.items() if key != name and other.covers(prefix) and other != prefix
        ]
        if name in outer:
            assert prefixes[outer[name]].length == max([*wider, prefixes[outer[name]].length])
            assert prefixes[outer[name]].covers(prefix)
        else:
            assert not wider


def test_of_two_equal_prefixes_the_later_lies_in_the_earlier():
    same = Prefix.parse("10.0.0.0/8")
    assert [*nested({"a": same, "b": same})] == [("b", "a")]


def test_the_keys_of_ipv6_have_names_of_their_own():
    assert [family_key(version, "subnet") for version in (4, 6)] == ["subnet", "ipv6_subnet"]
