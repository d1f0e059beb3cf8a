"""The nodes' subnets, from the spec and from leases."""

from __future__ import annotations

import pytest

from netplan.spec.lease_file import parse_leases
from netplan.spec.load import parse
from tests.spec.factory import A, B, cursor, mistakes, only_problem, related, spec_text


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ({"subnet_min": "172.7.22.0"}, "node a: subnet 172.7.21.0/24 is below subnet_min, 172.7.22.0"),
        ({"subnet_max": "172.7.21.0"}, "node b: subnet 172.7.22.0/24 is above subnet_max, 172.7.21.0"),
    ],
)
def test_every_subnet_lies_within_the_bounds(bound, message):
    assert mistakes(A, B, **bound) == [message]


def test_a_subnet_at_the_last_bound_is_within():
    assert mistakes(A, B, subnet_min="172.7.21.0", subnet_max="172.7.22.0") == []


def test_a_node_without_a_subnet_is_told_the_command_that_gives_it_one():
    text = spec_text("x: {address: 10.4.7.21/24}", B)
    assert only_problem(text).hint == "run podnet lease s.yaml, or write the subnet here"


def test_nodes_without_a_subnet_are_one_problem_at_the_first_of_them():
    text = spec_text(B, *(f"n{number}: {{address: 10.4.7.{100 + number}/24}}" for number in range(12)))
    problem = only_problem(text)
    assert str(problem.at) == cursor(text, "n0:")
    assert problem.message == "nodes n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more have no subnet"


def test_a_misspelt_subnet_is_one_problem():
    assert mistakes("a: {address: 10.4.7.21/24, subnett: 172.7.21.0/24}") == ["nodes.a.subnett: there is no such key"]


def test_a_subnet_outside_the_network_is_shown_with_the_network():
    text = spec_text("a: {address: 10.4.7.21/24, subnet: 172.8.21.0/24}")
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "172.8.21.0"), [cursor(text, "172.7.0.0")])


def test_a_subnet_has_the_length_of_the_cluster():
    problem = only_problem(spec_text("a: {address: 10.4.7.21/24, subnet: 172.7.21.128/25}"))
    assert problem.hint == "write 172.7.21.0/24"


def test_a_subnet_of_two_nodes_is_shown_at_both():
    text = spec_text(A, "b: {address: 10.4.7.22/24, subnet: 172.7.21.0/24}")
    assert (str(only_problem(text).at), related(text)) == (
        cursor(text, "172.7.21.0", 2),
        [cursor(text, "172.7.21.0")],
    )


def test_a_narrow_subnet_inside_another_nodes_is_an_overlap():
    problems = mistakes(A, "b: {address: 10.4.7.22/24, subnet: 172.7.21.0/25}")
    assert "node b: subnet 172.7.21.0/25 overlaps 172.7.21.0/24, the subnet of node a" in problems


def test_a_subnet_that_is_too_wide_is_one_problem_and_not_one_for_each_that_it_covers():
    assert len(mistakes(A, B, "w: {address: 10.4.7.23/24, subnet: 172.7.20.0/22}")) == 1


def test_of_two_names_without_a_node_that_hold_one_subnet_neither_is_refused_to_a_node():
    leases = "x: {subnet: 172.7.30.0/24}\ny: {subnet: 172.7.30.0/24}\n"
    spec = parse(spec_text(), "s.yaml", lambda _: parse_leases(leases, "leases.yaml"))
    assert [node.name for node in spec.topology.nodes] == ["a", "b"]
