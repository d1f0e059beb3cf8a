"""Ranges of subnets, and who gets which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.net import Address, Prefix
from netplan.spec.lease_range import LeaseRange, allocate, default_subnet_len

NETWORK = Prefix.parse("10.0.0.0/24")  # 16 subnets of /28
SMALL = LeaseRange.of(NETWORK, 28)

names = st.sets(st.text("abc", min_size=1, max_size=4), max_size=20)


@st.composite
def prefixes(draw):
    """Prefixes in and around the network, of any length."""
    length = draw(st.integers(22, 32))
    start = NETWORK.value - 512 + draw(st.integers(0, 1023))
    return Prefix(4, start >> (32 - length) << (32 - length), length)


def span(lease_range: LeaseRange) -> tuple[str, str, int]:
    return str(lease_range.first), str(lease_range.last), lease_range.length


def of(network: str, length=None, first=None, last=None) -> LeaseRange:
    bounds = (None if text is None else Address.parse(text) for text in (first, last))
    return LeaseRange.of(Prefix.parse(network), length, *bounds)


@pytest.mark.parametrize(
    ("network", "length"),
    [
        ("10.0.0.0/8", 24),
        ("10.0.0.0/22", 24),
        ("10.0.0.0/23", 25),
        ("10.0.0.0/28", 30),
        ("fd00::/48", 64),
        ("fd00::/62", 64),
        ("fd00::/63", 65),
        ("fd00::/124", 126),
    ],
)
def test_the_default_subnet_length_is_flannels(network, length):
    assert default_subnet_len(Prefix.parse(network)) == length


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("172.7.0.0/16", ("172.7.1.0", "172.7.255.0", 24)),
        ("10.0.0.0/28", ("10.0.0.4", "10.0.0.12", 30)),
        ("fd00:7::/48", ("fd00:7:0:1::", "fd00:7:0:ffff::", 64)),
    ],
)
def test_without_bounds_the_range_is_all_but_the_first_subnet(network, expected):
    assert span(of(network)) == expected


def test_bounds_may_take_in_the_first_subnet():
    assert of("10.0.0.0/8", first="10.0.0.0").size == 65536


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("10.0.0.0/29",), "10.0.0.0/29 is too small for a pod network: take a /28"),
        (("fd00::/125",), "take a /124"),
        (("10.0.0.0/16", 17), "they are from /18 to /30"),
        (("10.0.0.0/16", 31), "they are from /18 to /30"),
        (("fd00::/48", 127), "they are from /50 to /126"),
        (("10.0.0.0/16", 24, "10.1.0.0"), "10.1.0.0 lies outside the pod network"),
        (("10.0.0.0/16", 24, None, "9.255.255.0"), "9.255.255.0 lies outside"),
        (("10.0.0.0/16", 24, "10.0.3.1"), "10.0.3.1 is not the first address of a /24"),
        (("fd00::/48", 64, "fd00::1"), "fd00::1 is not the first address of a /64"),
        (("10.0.0.0/16", 24, "fd00::"), "fd00:: lies outside"),
        (("10.0.0.0/16", 24, "10.0.9.0", "10.0.8.0"), "10.0.9.0 is above 10.0.8.0"),
    ],
)
def test_what_flannel_refuses_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        of(*words)


def test_the_lowest_free_subnets_go_to_the_names_in_their_order():
    taken = [Prefix.parse("172.7.1.0/24"), Prefix.parse("172.7.3.0/24")]
    given = allocate(["b", "c", "a"], taken, of("172.7.0.0/16"))
    assert {name: str(subnet) for name, subnet in given.items()} == {
        "a": "172.7.2.0/24",
        "b": "172.7.4.0/24",
        "c": "172.7.5.0/24",
    }


def test_a_subnet_of_the_other_family_takes_nothing_away():
    assert str(allocate(["a"], [Prefix.parse("10.0.1.0/24")], of("fd00:7::/48"))["a"]) == "fd00:7:0:1::/64"


def test_who_finds_no_subnet_is_not_in_the_answer():
    assert sorted(allocate("abcd", [], of("10.0.0.0/28"))) == ["a", "b", "c"]


def test_all_subnets_of_a_large_network_can_be_leased():
    whole = of("10.0.0.0/8", first="10.0.0.0")
    given = allocate((f"n{number:05}" for number in range(65536)), [], whole)
    assert (len(set(given.values())), str(given["n65535"])) == (65536, "10.255.255.0/24")


@given(names, st.sets(prefixes()))
def test_no_address_is_given_twice(wanted, taken):
    given = allocate(wanted, taken, SMALL)
    for name, subnet in given.items():
        others = {other for owner, other in given.items() if owner != name}
        assert not any(subnet.overlaps(other) for other in {*taken, *others})


@given(names, st.sets(prefixes()))
def test_every_subnet_is_in_the_range(wanted, taken):
    for subnet in allocate(wanted, taken, SMALL).values():
        assert SMALL.first <= subnet.address <= SMALL.last
        assert (subnet.length, NETWORK.covers(subnet)) == (28, True)


@given(names, st.sets(prefixes()))
def test_no_node_goes_without_while_a_subnet_is_free(wanted, taken):
    given = allocate(wanted, taken, SMALL)
    cut = [Prefix(4, NETWORK.value + number * 16, 28) for number in range(1, 16)]
    free = [subnet for subnet in cut if not any(subnet.overlaps(prefix) for prefix in taken)]
    assert list(given.values()) == free[: len(wanted)]


@given(st.lists(st.text("abc", min_size=1, max_size=4)), st.randoms())
def test_the_order_of_the_nodes_does_not_matter(wanted, random):
    mixed = list(wanted)
    random.shuffle(mixed)
    assert allocate(mixed, [], SMALL) == allocate(wanted, [], SMALL)
