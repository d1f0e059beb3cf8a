"""Plans from a kernel in memory, from records in a folder, and from what an older spec made of the nodes."""

from __future__ import annotations

import pytest

from netplan.errors import UsageError
from netplan.kinds.chain.value import FirewallBackend
from netplan.operations.plans import changed_settings, plan_move, plan_recorded, plan_this_node
from netplan.planning.plan import Source
from netplan.store.records import path_of, render
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept

A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"


def recorded(folder, state, node="a"):
    """Write a record of a node of cluster c below a state folder."""
    path = path_of(folder, "c", node)
    path.parent.mkdir(exist_ok=True)
    path.write_text(render(state, node, "c"))


def test_this_node_is_planned_from_its_kernel_by_the_backend_of_the_spec(tmp_path):
    spec, opened = make.spec(firewall="{backend: legacy}"), []

    def opener(backend):
        opened.append(backend)
        return MemoryKernel(make.snapshot(backend=FirewallBackend.LEGACY))

    report = Kept()
    plan = plan_this_node(make.desired(spec), opener, tmp_path, report)
    assert (opened, plan.source, report.under_way) == ([FirewallBackend.LEGACY], Source.LIVE, ["reading the kernel"])
    assert str(make.route()) in [str(change.after) for change in plan.changes]


def test_the_dangers_of_a_plan_of_this_node_are_warnings(tmp_path):
    routes = [make.route(f"172.7.{number}.0/24") for number in range(30, 40)]
    kernel = MemoryKernel(make.snapshot("", *routes))
    plan = plan_this_node(make.desired(), lambda _: kernel, tmp_path, Kept())
    assert [warning for warning in plan.warnings if warning.endswith("(--allow-many-deletes)")] != []


def test_a_node_is_planned_from_its_record_as_from_its_kernel(tmp_path):
    spec = make.spec()
    recorded(tmp_path, make.snapshot())
    node = spec.topology.by_name["a"]
    live = plan_this_node(make.desired(spec), lambda _: MemoryKernel(make.snapshot()), tmp_path, Kept())
    plan = plan_recorded(spec, tmp_path, [node], Kept()).nodes[0]
    assert (plan.source, plan.changes) == (Source.RECORDED, live.changes)


def test_a_node_without_a_record_is_planned_from_nothing_and_how_to_record_it_is_noted(tmp_path):
    spec, report = make.spec(), Kept()
    recorded(tmp_path, make.snapshot())
    result = plan_recorded(spec, tmp_path, spec.topology.nodes, report)
    path = path_of(tmp_path, "c", "b")
    assert [plan.source for plan in result.nodes] == [Source.RECORDED, Source.EMPTY]
    assert report.notes == [
        f"podnet: there is no record {path}: planned from empty; b is recorded by `podnet capture --out {path}` there"
    ]


def test_an_mtu_that_no_record_tells_is_noted(tmp_path):
    spec, report = make.spec(backend="{type: vxlan}", defaults="{interface: auto, mtu: auto}"), Kept()
    plan_recorded(spec, tmp_path, spec.topology.nodes, report)
    assert report.notes[0] == "podnet: mtu: auto: 1500 is assumed for nodes a and b: no kernel or record is at hand"


def test_a_record_of_another_cluster_is_refused(tmp_path):
    spec = make.spec()
    recorded(tmp_path, make.snapshot())
    path = path_of(tmp_path, "c", "a")
    path.write_text(path.read_text().replace('"cluster": "c"', '"cluster": "d"'))
    with pytest.raises(UsageError, match=r"a\.json is a record of cluster d, not of c: capture a again"):
        plan_recorded(spec, tmp_path, spec.topology.nodes, Kept())


def test_a_node_that_leaves_is_cleaned_up_unless_only_others_are_planned():
    old, new = make.spec(A, B), make.spec(A)
    assert [plan.node for plan in plan_move(new, old, None, Kept()).nodes] == ["a", "b"]
    assert [plan.node for plan in plan_move(new, old, new.topology.nodes, Kept()).nodes] == ["a"]


def test_the_settings_of_two_specs_differ_by_fields_and_by_the_nodes_that_come_and_go():
    changes = changed_settings(make.spec(A, forward="none"), make.spec(A, B))
    assert [(change.field, change.before, change.after) for change in changes] == [
        ("forward", "none", "accept"),
        ("nodes", None, "b"),
    ]


def test_the_same_spec_changes_no_setting():
    assert changed_settings(make.spec(), make.spec()) == ()
