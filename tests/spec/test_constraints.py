"""What the parts of a spec must agree on."""

from __future__ import annotations

import pytest

from netplan.spec.load import parse
from tests.spec.factory import A, B, load, mistakes, problems, spec_text


def many_nodes(count: int) -> str:
    hosts = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}/8" for n in range(1, count + 1))
    subnets = (f"172.{16 + (n >> 8)}.{n & 255}.0/24" for n in range(1, count + 1))
    nodes = (f"n{n}: {{address: {a}, subnet: {s}}}" for n, (a, s) in enumerate(zip(hosts, subnets, strict=True)))
    return spec_text(*nodes, network="172.16.0.0/12")


def test_a_spec_without_a_mistake_has_no_problem():
    assert mistakes(A, B) == []


def test_a_check_runs_on_the_valid_part_of_a_node():
    problems = mistakes(A, "b: {address: 10.4.7.21/24, subnet: nonsense}")
    assert "node b: 10.4.7.21 is already the address of node a" in problems


def test_a_network_that_is_wrong_hides_no_other_mistake():
    assert len(mistakes(A, "b: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}", network="wrong")) == 3


@pytest.mark.slow
def test_thousands_of_nodes_load():
    assert len(parse(many_nodes(3000), "s.yaml").topology.nodes) == 3000


@pytest.mark.slow
def test_a_mistake_in_each_of_thousands_of_nodes_is_reported_once():
    text = many_nodes(3000).replace("subnet: 172.", "subnet: 173.")
    assert len(problems(text)) == 3000


def test_a_spec_of_one_node_is_valid():
    assert [node.name for node in load(A).topology.nodes] == ["a"]
