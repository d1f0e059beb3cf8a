"""The pod networks, and which families take part."""

from __future__ import annotations

import pytest

from tests.spec.factory import mistakes, only_problem, spec_text


def test_a_subnet_length_leaves_four_subnets_in_the_network():
    assert mistakes(subnet_len="17") == ["subnet_len: /17 leaves less than four subnets in 172.7.0.0/16"]


@pytest.mark.parametrize("key", ["subnet_min", "subnet_max"])
def test_a_bound_lies_inside_the_network(key):
    assert mistakes(**{key: "172.8.0.0"}) == [f"{key}: 172.8.0.0 lies outside the pod network 172.7.0.0/16"]


@pytest.mark.parametrize("key", ["subnet_min", "subnet_max"])
def test_a_bound_is_the_first_address_of_a_subnet(key):
    assert only_problem(spec_text(**{key: "172.7.21.9"})).hint == "write 172.7.21.0"


def test_the_bounds_stand_in_order():
    problems = mistakes(subnet_min="172.7.22.0", subnet_max="172.7.20.0")
    assert problems == ["subnet_min: 172.7.22.0 is above subnet_max, 172.7.20.0: no subnet is left"]


def test_a_cluster_has_nodes():
    text = spec_text().partition("nodes:")[0] + "nodes: {}\n"
    assert only_problem(text).message == "nodes: the cluster has no node"


def test_a_cluster_has_a_key_for_its_nodes():
    problem = only_problem(spec_text().partition("nodes:")[0])
    assert (problem.message, problem.hint.partition(":")[0]) == ("the spec has no nodes", "add a key such as nodes")


def test_a_key_for_nodes_that_is_misspelt_is_one_problem():
    assert only_problem(spec_text().replace("nodes:", "noeds:")).message == "noeds: there is no such key"
