"""Splitting loses no packet and makes none: held against sets of single packets."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.trace.flow import DESTINATION, SOURCE, Flow, Holds
from netplan.trace.intervals import only, pairs_of, union
from netplan.trace.split import any_of, cells, common, cut, parted, split_by, without

NUMBERS = st.frozensets(st.integers(0, 7), min_size=1).map(lambda numbers: union((n, n) for n in numbers))
FLOWS = st.builds(lambda source, destination: Flow(4, source, destination, only(1), only(2)), NUMBERS, NUMBERS)


def numbers(intervals):
    return [number for first, last in pairs_of(intervals) for number in range(first, last + 1)]


def packets(*flows):
    return sorted(pair for flow in flows for pair in product(numbers(flow.source), numbers(flow.destination)))


@given(FLOWS, FLOWS)
def test_what_two_flows_have_in_common_and_the_rest_are_the_flow(flow, region):
    inside = common(flow, region)
    rest = without(flow, region)
    assert packets(*([] if inside is None else [inside]), *rest) == packets(flow)
    assert set(packets(*rest)) == set(packets(flow)) - set(packets(region))


@given(FLOWS, st.lists(FLOWS, max_size=4))
def test_cells_are_the_parts_that_are_in_the_same_regions(flow, regions):
    divided = cells(flow, [(region, number) for number, region in enumerate(regions)])
    assert packets(*(part for part, _ in divided)) == packets(flow)
    for part, inside in divided:
        for packet in packets(part):
            assert inside == [number for number, region in enumerate(regions) if packet in packets(region)]


@given(FLOWS, NUMBERS, NUMBERS)
def test_conditions_that_all_hold_and_those_of_which_any_does_split_as_sets_do(flow, sources, destinations):
    tests = [lambda part: cut(part, SOURCE, sources), lambda part: cut(part, DESTINATION, destinations)]
    both, either = split_by(tests, flow), any_of(tests)(flow)
    one = {packet for packet in packets(flow) if packet[0] in numbers(sources)}
    other = {packet for packet in packets(flow) if packet[1] in numbers(destinations)}
    assert (set(packets(*both.inside)), set(packets(*either.inside))) == (one & other, one | other)
    assert packets(*both.inside, *both.outside) == packets(*either.inside, *either.outside) == packets(flow)


def test_of_what_nat_made_one_of_several_values_it_is_unknown_which_packets_are_meant():
    flow = replace(Flow(4, only(1), (1, 9)), new_destination=(20, 29))
    assert cut(flow, DESTINATION, only(21)).doubtful == (flow,)
    assert cut(flow, DESTINATION, (20, 40)).inside == (flow,)
    assert cut(flow, DESTINATION, only(1)).outside == (flow,)


def test_what_may_hold_and_does_not_hold_for_some_is_in_doubt_for_the_others():
    flow = Flow(4, (1, 9), only(1))
    split = split_by([lambda part: parted(part, Holds.SOMETIMES), lambda part: cut(part, SOURCE, (1, 4))], flow)
    assert (split.inside, packets(*split.doubtful)[0], packets(*split.outside)[0]) == ((), (1, 1), (5, 1))
