"""Routes as sets of destinations lead each address where the longest prefix leads it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from netplan.kinds.route.value import Route
from netplan.net import Address, IfName, Prefix
from netplan.trace.flow import Various
from netplan.trace.intervals import EVERY_ADDRESS, contains, of_prefix, size
from netplan.trace.table import Table, Way

SPACE = Prefix.parse("10.0.0.0/28")
HOPS = [Address.parse(f"192.0.2.{number}") for number in (1, 2, 3)]
PREFIXES = st.builds(
    lambda value, length: Prefix(4, SPACE.value + value, 32).within(length), st.integers(0, 15), st.integers(28, 32)
)
ROUTES = st.lists(
    st.builds(lambda prefix, hop: Route(prefix, IfName("eth0"), hop), PREFIXES, st.sampled_from(HOPS)), max_size=8
)


NESTED = [Route(SPACE, IfName("eth0"), HOPS[0]), Route(Prefix(4, SPACE.value, 30), IfName("eth0"), HOPS[0])]


@given(ROUTES, ROUTES)
@example(NESTED, NESTED)
def test_every_address_is_led_where_the_longest_prefix_leads_it(routes, desired):
    wanted = {route.prefix: Way(route.oif, route.next_hop) for route in desired}
    filled = Table(routes, wanted)
    for address in (SPACE.host(number) for number in range(16)):
        ways = [hop for addresses, hop in filled.split(4, of_prefix(SPACE)) if contains(addresses, address.value)]
        route = filled.get(address)
        if route is None:
            assert ways == []
        else:
            as_wanted = wanted.get(route.prefix) == (route.oif, route.next_hop)
            assert [hop.next_hop for hop in ways] == [Various.WANTED if as_wanted else route.next_hop]


def test_very_many_routes_that_are_as_wanted_are_few_pieces():
    routes = [Route(Prefix(4, 10 << 24 | number << 8, 24), IfName("eth0"), HOPS[number % 3]) for number in range(5000)]
    strange = [
        Route(Prefix(4, 10 << 24 | 77 << 8 | 9, 32), IfName("eth0"), HOPS[0]),
        Route(Prefix(4, 0, 0), IfName("eth0"), HOPS[1]),
    ]
    filled = Table([*routes, *strange], {route.prefix: Way(route.oif, route.next_hop) for route in routes})
    assert len(filled.groups) == 3
    assert sum(size(addresses) for addresses, _ in filled.groups) == size(EVERY_ADDRESS[4])


def test_next_hops_that_are_not_wanted_are_told_apart_if_they_are_few():
    routes = [
        Route(Prefix(4, 10 << 24 | number << 8, 24), IfName("eth0"), Address(4, 1000 + number)) for number in range(300)
    ]
    assert [hop.next_hop for _, hop in Table(routes, {}).groups] == [Various.OTHERS]
    assert len(Table(routes[:50], {}).groups) == 50
