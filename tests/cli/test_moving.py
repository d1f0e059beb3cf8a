"""What moving from one spec to another does to traffic, without any record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netplan.cli.views.lines import blocks
from netplan.errors import UsageError
from netplan.operations.plans import plan_move, plan_recorded
from tests import make
from tests.reports import Kept
from tests.spec.factory import spec_text

A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"
B_ELSEWHERE = "b: {address: 10.4.7.99/24, subnet: 172.7.22.0/24}"


def node(number):
    return f"n{number}: {{address: 10.4.7.{number}/24, subnet: 172.7.{number}.0/24}}"


def traffic_of(new, old):
    """Return the lines of traffic of each block, by its title."""
    return {
        block.title: {str(line).strip() for line in block.traffic}
        for block in blocks(plan_move(new, old, None, Kept()))
    }


def test_a_peer_that_moves_is_reached_by_another_way():
    assert (
        "pod -> pod on b           source kept, via 10.4.7.99 -> via 10.4.7.22"
        in traffic_of(make.spec(A, B), make.spec(A, B_ELSEWHERE))["a"]
    )


def test_a_node_that_comes_can_be_reached_afterwards():
    assert (
        "node -> pod on a          source kept, direct -> via 10.4.7.21"
        in traffic_of(make.spec(A, B), make.spec(A))["b"]
    )


def test_a_node_that_leaves_no_longer_masquerades():
    assert "pod -> outside            source 10.4.7.22 -> source kept" in traffic_of(make.spec(A), make.spec(A, B))["b"]


def test_nodes_that_change_alike_are_traced_once_and_what_was_traced_is_told_of_each():
    many = [node(n) for n in range(1, 30)]
    result = plan_move(make.spec(*many), make.spec(*many[:-1]), None, Kept())
    assert [plan.traced_on for plan in result.nodes] == [None, *27 * ["n1"], None]
    assert {plan.effects for plan in result.nodes[:-1]} == {result.nodes[0].effects}


def test_programs_get_the_traffic_of_every_node_that_changes(move):
    nodes = [node(n) for n in range(1, 5)]
    result = json.loads(move({"nodes": nodes[:-1]}, {"nodes": nodes}, "--format", "json"))["nodes"]
    assert [(len(plan["effects"]) > 0, plan.get("traced_on")) for plan in result] == [
        (True, None),
        (True, "n1"),
        (True, "n1"),
        (True, None),
    ]


def test_nodes_of_the_same_changes_are_traced_apart_where_their_devices_differ():
    nodes = [A, B.replace("}", ", interface: eth1}"), node(23)]
    result = plan_move(make.spec(*nodes, forward="none"), make.spec(*nodes), None, Kept())
    assert [plan.traced_on for plan in result.nodes] == [None, None, "a"]


@pytest.fixture
def few(monkeypatch):
    """Let a plan have forty changes."""
    monkeypatch.setattr("netplan.operations.plans._MANY_CHANGES", 40)


@pytest.mark.usefixtures("few")
def test_a_move_of_too_many_changes_is_not_worked_out():
    old, new = [node(n) for n in range(1, 8)], [node(n).replace("172.7.", "172.7.1") for n in range(1, 8)]
    with pytest.raises(UsageError, match="more than 40 changes: use --node for some of the nodes"):
        plan_move(make.spec(*new), make.spec(*old), None, Kept())


@pytest.mark.usefixtures("few")
def test_a_plan_of_many_nodes_from_nothing_is_not_worked_out(tmp_path):
    spec = make.spec(*(node(n) for n in range(1, 8)))
    with pytest.raises(UsageError, match="more than 40 changes: use --node for some of the nodes"):
        plan_recorded(spec, tmp_path, spec.topology.nodes, Kept())


@pytest.mark.usefixtures("few")
def test_changes_that_nodes_share_are_not_many():
    many = [node(n) for n in range(1, 30)]
    assert len(plan_move(make.spec(*many[1:]), make.spec(*many), None, Kept()).nodes) == 29


def test_what_moving_does_is_all_well_afterwards():
    result = plan_move(make.spec(A, B), make.spec(A), None, Kept())
    assert not [effect for node in result.nodes for effect in node.effects if effect.after_blame]


@pytest.fixture
def move(podnet, tmp_path):
    """Plan the move between two specs; give what podnet writes."""

    def run(old, new, *options):
        for name, keys in (("old", old), ("new", new)):
            rest = {key: value for key, value in keys.items() if key != "nodes"}
            (tmp_path / f"{name}.yaml").write_text(spec_text(*keys.get("nodes", (A, B)), **rest))
        return podnet("plan", str(tmp_path / "new.yaml"), "--against", str(tmp_path / "old.yaml"), *options)[1]

    return run


VXLAN = {"backend": "{type: vxlan}"}


def test_what_the_specs_say_otherwise_stands_at_the_head(move):
    assert move({}, VXLAN).startswith("spec  backend.type host-gw -> vxlan\na   against the other spec\n")


def test_a_review_begins_with_what_the_specs_say_otherwise(move):
    shown = move({}, VXLAN, "--format", "markdown").splitlines()
    assert shown[2:4] == ["- spec: `backend.type host-gw -> vxlan`", ""]


def test_programs_get_what_the_specs_say_otherwise(move):
    shown = json.loads(move({}, {"ip_masq": "{enabled: false}"}, "--format", "json"))
    assert shown["settings"] == [{"field": "ip_masq.enabled", "before": True, "after": False}]


def test_of_specs_that_say_the_same_nothing_stands_at_the_head(move):
    assert not move({}, {}).startswith("spec")


def test_of_another_backend_only_what_is_written_is_told(move):
    vxlan = {"backend": "{type: vxlan, vni: 77, direct_routing: true}"}
    settings = ["backend.direct_routing: - true", "backend.type vxlan -> host-gw", "backend.vni: - 77"]
    assert move(vxlan, {}).split("\na ")[0].splitlines() == [f"spec  {line}" for line in settings]


def test_nodes_that_come_and_go_are_a_line_each(move):
    shown = move({"nodes": [A, B]}, {"nodes": [A, *(node(n) for n in range(30, 35))]}).splitlines()
    assert shown[:2] == ["spec  nodes: + n30, n31 and 3 more", "spec  nodes: - b"]


def test_programs_get_each_node_that_comes_and_goes(move):
    shown = json.loads(move({"nodes": [A, B]}, {"nodes": [A, node(30)]}, "--format", "json"))
    assert shown["settings"] == [
        {"field": "nodes", "before": None, "after": "n30"},
        {"field": "nodes", "before": "b", "after": None},
    ]


WORKER_B = B.replace("b:", "worker-b:")


def warnings(new, old):
    """Return the warnings of each planned node."""
    return {plan.node: plan.warnings for plan in plan_move(new, old, None, Kept()).nodes}


def test_a_node_with_a_new_name_is_the_node_that_had_its_address():
    result = plan_move(make.spec(A, WORKER_B), make.spec(A, B), None, Kept())
    assert [(plan.node, plan.changes) for plan in result.nodes] == [("a", ()), ("worker-b", ())]


def test_a_new_name_is_told():
    warning = warnings(make.spec(A, WORKER_B), make.spec(A, B))["worker-b"]
    assert warning == ("worker-b has the address of b: planned as that node under a new name",)


def test_what_a_new_name_does_to_the_pods_is_told():
    warning = warnings(make.spec(A, WORKER_B.replace("172.7.22", "172.7.23")), make.spec(A, B))["worker-b"]
    assert warning[0] == (
        "worker-b has the address of b, and its pods move from 172.7.22.0/24 to 172.7.23.0/24: "
        "to keep their addresses, its subnet has to stay 172.7.22.0/24"
    )


def test_an_address_that_another_node_gave_up_is_told():
    warning = warnings(make.spec(A, B_ELSEWHERE, WORKER_B.replace("172.7.22", "172.7.23")), make.spec(A, B))["worker-b"]
    assert warning == ("worker-b has the address of b",)


def test_a_lease_under_its_new_name_is_that_of_the_older_spec(podnet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = spec_text("a: {address: 10.4.7.21/24}", "b: {address: 10.4.7.22/24}")
    Path("old.yaml").write_text(text)
    podnet("lease", "old.yaml")
    Path("new.yaml").write_text(text.replace("  b:", "  worker-b:"))
    podnet("lease", "new.yaml", "--rename", "b", "worker-b")
    code, out, _ = podnet("plan", "new.yaml", "--against", "old.yaml")
    assert (code, out.splitlines()[-1]) == (0, "No changes. a, worker-b: in sync.")
