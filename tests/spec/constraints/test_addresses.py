"""The nodes' addresses, and where peers send to."""

from __future__ import annotations

import pytest

from tests.spec.factory import A, B, cursor, mistakes, only_problem, problems, related, saying, spec_text, vxlan


def test_an_address_of_two_nodes_is_shown_at_both():
    text = spec_text(A, "b: {address: 10.4.7.21/24, subnet: 172.7.22.0/24}")
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "10.4.7.21", 2), [cursor(text, "10.4.7.21")])


def test_a_node_has_no_address_of_the_pod_network():
    assert mistakes("a: {address: 172.7.9.9/24, subnet: 172.7.21.0/24}") == [
        "node a: 172.7.9.9/24 lies inside the pod network 172.7.0.0/16"
    ]


def test_a_segment_does_not_cover_the_pod_network():
    assert mistakes("a: {address: 172.10.9.9/8, subnet: 172.7.21.0/24}") == [
        "node a: the segment 172.0.0.0/8 overlaps the pod network 172.7.0.0/16"
    ]


def test_two_prefix_lengths_on_one_segment_are_reported_at_the_odd_one_out():
    text = spec_text("c: {address: 10.4.7.23/16, subnet: 172.7.23.0/24}", A, B)
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "10.4.7.23"), [cursor(text, "10.4.7.21")])


def test_of_two_nodes_with_two_prefix_lengths_the_later_is_reported():
    text = spec_text("c: {address: 10.4.7.23/16, subnet: 172.7.23.0/24}", A)
    assert str(only_problem(text).at) == cursor(text, "10.4.7.21")


def test_host_gw_names_the_node_on_another_segment_and_one_of_the_largest():
    text = spec_text("c: {address: 10.9.9.9/24, subnet: 172.7.23.0/24}", A, B)
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "10.9.9.9"), [cursor(text, "10.4.7.21")])


def test_host_gw_across_segments_says_what_would_do():
    assert "vxlan" in only_problem(spec_text(A, "c: {address: 10.9.9.9/24, subnet: 172.7.23.0/24}")).hint


def test_host_gw_reports_each_node_of_a_smaller_segment_once():
    small = [f"c{n}: {{address: 10.9.9.{n}/24, subnet: 172.7.10{n}.0/24}}" for n in range(1, 4)]
    large = [f"l{n}: {{address: 10.4.7.{n}/24, subnet: 172.7.20{n}.0/24}}" for n in range(1, 5)]
    assert len(mistakes(*small, *large)) == 3


def test_a_public_address_is_that_of_one_node():
    text = vxlan(saying("public_address: 203.0.113.1"), saying("public_address: 203.0.113.1", B))
    assert (str(only_problem(text).at), related(text)) == (
        cursor(text, "203.0.113.1", 2),
        [cursor(text, "203.0.113.1")],
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("172.7.9.9", "node a: 172.7.9.9 lies inside the pod network 172.7.0.0/16"),
        ("10.4.7.22", "node a: 10.4.7.22 is the address of node b"),
    ],
)
def test_a_public_address_is_no_pods_and_no_other_nodes(address, message):
    assert only_problem(vxlan(saying(f"public_address: {address}"), B)).message == message


def test_a_public_address_may_be_the_nodes_own():
    assert problems(vxlan(saying("public_address: 10.4.7.21"), B)) == ()


def test_a_public_address_is_of_the_ip_version_of_the_tunnels_packets():
    text = vxlan(saying("public_address: '2001:db8::1'"), B)
    assert only_problem(text).message == "node a: 2001:db8::1 is IPv6, and the tunnel's packets are IPv4"
    assert related(text) == [cursor(text, "10.4.7.21")]
