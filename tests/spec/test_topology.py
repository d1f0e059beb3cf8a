from __future__ import annotations

from tests import make

A = make.node("a", "10.4.7.21/24")
B = make.node("b", "10.4.7.22/24")
FAR = make.node("far", "10.4.8.23/24")


def test_the_peers_of_a_node_are_all_others_in_the_order_of_the_spec():
    assert [*make.topology(FAR, A, B).peers(A)] == [FAR, B]


def test_a_node_alone_has_no_peers():
    assert not [*make.topology(A).peers(A)]


def test_nodes_whose_addresses_lie_in_one_prefix_share_a_segment():
    segments = make.topology(A, FAR, B).segments
    assert {str(segment): nodes for segment, nodes in segments.items()} == {
        "10.4.7.0/24": (A, B),
        "10.4.8.0/24": (FAR,),
    }


def test_prefixes_of_different_lengths_are_different_segments():
    assert len(make.topology(A, make.node("b", "10.4.7.22/25")).segments) == 2


def test_the_addresses_of_all_nodes_are_as_few_prefixes_as_can_be():
    underlay = make.topology(A, B, FAR, make.node("d", "10.4.7.23/24")).underlay
    assert {version: [*map(str, prefixes)] for version, prefixes in underlay.items()} == {
        4: ["10.4.7.21/32", "10.4.7.22/31", "10.4.8.23/32"],
        6: [],
    }


def test_a_node_is_found_by_its_name():
    assert make.topology(A, B).by_name["b"] is B
