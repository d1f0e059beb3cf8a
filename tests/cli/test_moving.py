"""What moving from one spec to another does to traffic, without any record."""

from __future__ import annotations

from netplan.cli.plan import moving_plan
from netplan.cli.views.lines import blocks
from tests import make

A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"
B_ELSEWHERE = "b: {address: 10.4.7.99/24, subnet: 172.7.22.0/24}"


def told(new, old):
    """Give the lines of traffic of each block, by its title."""
    return {block.title: {str(line).strip() for line in block.traffic} for block in blocks(moving_plan(new, old, []))}


def test_a_peer_that_moves_is_reached_by_another_way():
    assert (
        "pod -> pod on b           source kept, via 10.4.7.99 -> via 10.4.7.22"
        in told(make.spec(A, B), make.spec(A, B_ELSEWHERE))["a"]
    )


def test_a_node_that_comes_can_be_reached_afterwards():
    assert "node -> pod on a          source kept, direct -> via 10.4.7.21" in told(make.spec(A, B), make.spec(A))["b"]


def test_a_node_that_leaves_no_longer_masquerades():
    assert "pod -> outside            source 10.4.7.22 -> source kept" in told(make.spec(A), make.spec(A, B))["b"]


def test_nodes_that_change_alike_are_traced_once():
    many = [f"n{n}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for n in range(1, 30)]
    made = moving_plan(make.spec(*many), make.spec(*many[:-1]), [])
    assert [node.node for node in made.nodes if node.effects] == ["n1", "n29"]


def test_what_moving_does_is_all_well_afterwards():
    made = moving_plan(make.spec(A, B), make.spec(A), [])
    assert not [effect for node in made.nodes for effect in node.effects if effect.after_blame]
