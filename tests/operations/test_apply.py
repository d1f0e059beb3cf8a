"""podnet apply as a use case: a spec or a saved plan, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import RefusedError, RestoredError, StalePlanError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply import apply_saved, apply_spec
from netplan.operations.live_plan import LivePlan
from netplan.operations.request import Dialogue, PlanShown
from netplan.planning.differences import diff_node
from netplan.planning.plan import Plan
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import Answer, machine

SPEC = make.spec(firewall=make.REMOVE)
NODE = SPEC.topology.by_name["a"]
WANTED = make.desired(SPEC)
BEFORE = make.snapshot(make.docker())
SOON = 0.05


def saved_plan(kernel):
    """Plan for a kernel as `plan --live --out` does."""
    return Plan.of(SPEC, [LivePlan.from_kernel(WANTED, kernel).plan])


def test_an_apply_makes_the_node_what_the_spec_says_and_keeps_that_as_a_generation(tmp_path):
    here, kernel, report = machine(tmp_path)
    outcome = apply_spec(here, SPEC, NODE)
    assert not [*diff_node(WANTED, kernel.state)]
    assert outcome.after.chains[make.MASQUERADE_CHAIN] == kernel.state.chains[make.MASQUERADE_CHAIN]
    assert [generation.number for generation in here.store.generations.all()] == [1]
    assert report.notes == ["Applied. a is as planned; the kernel was read again to see it."]


def test_a_second_apply_has_nothing_to_do(tmp_path):
    here, kernel, _ = machine(tmp_path)
    apply_spec(here, SPEC, NODE)
    writes = kernel.writes
    assert apply_spec(here, SPEC, NODE).done.plan.changes == ()
    assert (kernel.writes, here.store.generations.newest) == (writes, 1)


def test_a_plan_is_shown_before_it_is_asked_for(tmp_path):
    here, _, _ = machine(tmp_path)
    heard: list[str] = []

    def decide(plan):
        heard.append(f"asked for {plan.node}")
        return True

    dialogue = Dialogue(lambda shown: heard.append(f"shown of {shown.plan.cluster}"), decide)
    apply_spec(here, SPEC, NODE, dialogue=dialogue)
    assert heard == ["shown of c", "asked for a"]


def test_without_a_yes_nothing_is_changed(tmp_path):
    here, kernel, _ = machine(tmp_path)
    with pytest.raises(RefusedError, match=r"^nothing was changed$"):
        apply_spec(here, SPEC, NODE, dialogue=Dialogue(decide=lambda _: False))
    assert (kernel.writes, here.store.journal.read(), here.store.generations.all()) == (0, None, ())


def test_an_unsafe_plan_is_refused_before_it_is_asked_for(tmp_path):
    here, kernel, _ = machine(tmp_path)
    apply_spec(here, many(), many().topology.by_name["n1"])
    writes, answer = kernel.writes, Answer()
    with pytest.raises(RefusedError, match=r"3 of podnet.s 3 routes would go.*\n.*use --allow-many-deletes"):
        apply_spec(here, many(1), many(1).topology.by_name["n1"], dialogue=Dialogue(decide=answer))
    assert (kernel.writes, answer.asked) == (writes, [])


def many(count=4):
    """Make a spec of so many nodes."""
    nodes = (f"n{n}: {{address: 10.4.7.2{n}/24, subnet: 172.7.2{n}.0/24}}" for n in range(1, count + 1))
    return make.spec(*nodes)


def test_an_apply_whose_write_fails_brings_the_state_before_back(tmp_path):
    here, kernel, _ = machine(tmp_path, MemoryKernel(BEFORE, fail_at=3))
    with pytest.raises(RestoredError, match=r"asked for that\)\nNothing is changed: the previous state was restored"):
        apply_spec(here, SPEC, NODE)
    assert make.content(kernel.state) == make.content(BEFORE)
    assert (here.store.journal.read(), here.store.generations.all()) == (None, ())


def test_a_saved_plan_is_applied_as_it_is(tmp_path):
    here, kernel, _ = machine(tmp_path)
    plan = saved_plan(kernel)
    outcome = apply_saved(here, plan, tmp_path)
    assert outcome.done.plan.changes == plan.nodes[0].changes
    assert (not [*diff_node(WANTED, kernel.state)], here.store.generations.newest) == (True, 1)


def test_a_saved_plan_whose_node_has_changed_is_stale(tmp_path):
    here, kernel, _ = machine(tmp_path)
    plan = saved_plan(kernel)
    kernel.state = BEFORE.replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "1")])
    with pytest.raises(StalePlanError, match="the plan of a is stale"):
        apply_saved(here, plan, tmp_path)
    assert kernel.writes == 0


def test_a_saved_plan_whose_spec_is_gone_leaves_the_rules_for_the_next_boot(tmp_path):
    here, kernel, report = machine(tmp_path)
    plan = saved_plan(kernel)
    plan = replace(plan, nodes=(replace(plan.nodes[0], persist="/etc/iptables/rules.v4"),), spec_path="gone.yaml")
    apply_saved(here, plan, tmp_path)
    assert report.notes[0].startswith("The rules for the next boot stay as they are: gone.yaml is not here")


def test_the_rules_for_the_next_boot_are_written_after_the_kernel(tmp_path):
    file = tmp_path / "rules.v4"
    spec = make.spec(firewall=f"{{persist: {file}}}")
    here, _, report = machine(tmp_path / "podnet")
    heard: list[PlanShown] = []
    apply_spec(here, spec, spec.topology.by_name["a"], dialogue=Dialogue(heard.append))
    assert [shown.file and shown.file.paths for shown in heard] == [[str(file)]]
    assert ":PODNET-POSTROUTING" in file.read_text()
    assert report.notes[-1] == f"{file} is as planned too, for the next boot."
