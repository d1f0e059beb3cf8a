"""What holds for every cluster and every state of a node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.errors import RestoredError
from netplan.kinds.chain.value import FirewallBackend, PlacedRule
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.transaction import Transaction, run
from netplan.planning.differences import diff_node
from netplan.planning.fingerprint import changed_since, unmet
from netplan.planning.plan import Plan, Source, plan_node
from netplan.planning.projection import project
from netplan.planning.undo import AppliedChanges, earlier, relevant, undo_changes
from netplan.store import records
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.plans import read_plan, rendered
from tests.runs import examples
from tests.states import Case, cases, meddled, specs

thorough = examples(80)


def applied(case: Case) -> Snapshot:
    """Return the state after the spec has been applied."""
    kernel = MemoryKernel(case.state)
    make.apply_desired(case.desired, kernel)
    return kernel.state


@thorough
@given(cases())
def test_the_plan_after_an_apply_is_empty(case):
    assert not plan_node(case.desired, applied(case), Source.LIVE).changes


@thorough
@given(cases())
def test_a_second_apply_writes_nothing(case):
    kernel = MemoryKernel(applied(case))
    make.apply_desired(case.desired, kernel)
    assert kernel.writes == 0


@thorough
@given(cases())
def test_after_a_failure_at_any_write_the_state_is_what_it_was(case):
    whole = MemoryKernel(case.state)
    make.apply_desired(case.desired, whole)
    for number in range(1, whole.writes + 1):
        kernel = MemoryKernel(case.state, fail_at=number)
        with pytest.raises(RestoredError):
            make.apply_desired(case.desired, kernel)
        assert make.content(kernel.state) == make.content(case.state)


@thorough
@given(cases())
def test_a_plan_has_nothing_foreign_in_it_but_what_the_spec_names(case):
    sysctls = case.desired.interest.sysctls
    for change in plan_node(case.desired, case.state, Source.LIVE).changes:
        for resource in (change.before, change.after):
            if isinstance(resource, PlacedRule) and not resource.ours:
                assert resource.rule in case.removed[resource.chain]
            elif isinstance(resource, Sysctl):
                assert resource.name in sysctls
            else:
                assert resource is None or resource.ours


@thorough
@given(cases())
def test_an_apply_leaves_foreign_rules_in_their_order_and_foreign_objects_as_they_are(case):
    after = applied(case)
    for chain in case.state.chains.values():
        removed = case.removed.get(chain.key, set())
        if not chain.ours:
            assert make.foreign_rules(after, chain.key) == make.foreign_rules(case.state, chain.key, removed)
            assert after.chains[chain.key].policy == chain.policy
    assert foreign_routes(after) == foreign_routes(case.state)
    assert {sysctl.name for sysctl in set(after.all(Sysctl)) - set(case.state.all(Sysctl))} <= set(
        case.desired.interest.sysctls
    )


def foreign_routes(state: Snapshot) -> set[Route]:
    """Return the routes that are not ours."""
    return {route for route in state.all(Route) if not route.ours}


@thorough
@given(cases())
def test_remove_after_apply_leaves_exactly_what_is_foreign(case):
    kernel = MemoryKernel(applied(case))
    make.apply_desired(compile_removal(case.spec, case.node), kernel)
    chains = {str(key): (chain.rules, chain.policy) for key, chain in kernel.state.chains.items() if chain.rules}
    foreign = {
        str(key): (tuple(make.foreign_rules(case.state, key, case.removed.get(key, ()))), chain.policy)
        for key, chain in case.state.chains.items()
        if not chain.ours
    }
    assert chains == {name: rules for name, rules in foreign.items() if rules[0]}
    assert set(kernel.state.all(Route)) == foreign_routes(case.state)


@thorough
@given(cases())
def test_applying_a_saved_plan_leads_to_the_state_that_applying_the_spec_does(case):
    whole = Plan("c", "c.yaml", "0" * 64, (plan_node(case.desired, case.state, Source.LIVE),))
    (saved,) = read_plan(rendered(whole), "plan.json").nodes
    kernel = MemoryKernel(case.state)
    before = kernel.observe(saved.interest)
    assert not [*changed_since(saved.depends, saved.changes, before)]
    job = Transaction(saved.changes, before, saved.interest, lambda now: tuple(unmet(saved.changes, before, now)))
    run(job, kernel, make.Unwritten())
    assert make.content(kernel.state) == make.content(applied(case))


@thorough
@given(cases(), st.sampled_from(Source))
def test_a_saved_plan_is_read_back_as_it_was(case, source):
    node = replace(plan_node(case.desired, case.state, source), obstacles=())
    saved = Plan("c", "specs/c.yaml", "0" * 64, (node,))
    assert read_plan(rendered(saved), "plan.json") == saved


@thorough
@given(cases())
def test_a_record_is_read_back_as_it_was(case):
    text = records.render(case.state, case.node.name, "c")
    read = records.parse(text, "state/c/n.json", "c", case.node.name).state
    assert (read.backend, make.content(read)) == (case.state.backend, make.content(case.state))


@thorough
@given(specs(size=3), specs(size=3), st.sampled_from(["n0", "n1", "n2"]))
def test_moving_from_one_spec_to_another_leads_to_what_the_other_makes_of_an_empty_node(old, new, name):
    empty = Snapshot(FirewallBackend.NFT)
    wanted = compile_node(new, new.topology.by_name[name])
    between = make.settled(compile_node(old, old.topology.by_name[name]), empty)
    kept = [sysctl for sysctl in make.settled(wanted, between).all(Sysctl) if sysctl.name in wanted.interest.sysctls]
    moved = make.settled(wanted, between).replace(Sysctl, kept)
    assert make.content(moved) == make.content(make.settled(wanted, empty))


@thorough
@given(cases(), st.data())
def test_undoing_brings_back_ours_and_what_was_touched_and_keeps_what_others_did_meanwhile(case, data):
    changes = tuple(diff_node(case.desired, case.state))
    now = data.draw(meddled(project(case.state, changes)))
    after = project(now, undo_changes(case.state, now, changes))
    for key in (make.POSTROUTING, make.FORWARD):
        touched = case.removed.get(key, set())
        assert make.foreign_rules(after, key, touched) == make.foreign_rules(now, key, touched)
        assert undone(after, key, touched) == undone(case.state, key, touched)
    assert not [*undo_changes(case.state, after, changes)]


@thorough
@given(cases(), st.data())
def test_undoing_to_what_was_kept_of_a_state_is_undoing_to_the_state(case, data):
    changes = tuple(diff_node(case.desired, case.state))
    now = data.draw(meddled(project(case.state, changes)))
    kept = relevant(case.state, changes)
    assert [*undo_changes(kept, now, changes)] == [*undo_changes(case.state, now, changes)]


@thorough
@given(cases(), st.lists(specs(size=6), min_size=1, max_size=4), st.integers(0, 3))
def test_going_back_by_several_applies_leads_to_the_state_that_was_then(case, later, number):
    states, deeds = [applied(case)], []
    for spec in later:
        wanted = compile_node(spec, spec.topology.nodes[0])
        changes = tuple(diff_node(wanted, states[-1]))
        deeds.append(AppliedChanges(changes, relevant(states[-1], changes)))
        states.append(project(states[-1], changes))
    start = number % len(states)
    touched = tuple(change for deed in deeds[start:] for change in deed.changes)
    target = earlier(relevant(states[start], ()), deeds[start:])
    assert make.content(project(states[-1], undo_changes(target, states[-1], touched))) == make.content(states[start])


def undone(state: Snapshot, key, touched) -> list[str]:
    """Return the rules of a chain that are ours or touched, in order."""
    foreign = make.foreign_rules(state, key, touched)
    return make.texts(rule for rule in state.rules(key) if rule not in foreign)


@thorough
@given(cases(), st.data())
def test_undoing_puts_rules_back_between_the_rules_between_which_they_stood(case, data):
    changes = tuple(diff_node(case.desired, case.state))
    now = data.draw(meddled(project(case.state, changes)))
    after = project(now, undo_changes(case.state, now, changes))
    for key in (make.POSTROUTING, make.FORWARD):
        before = case.state.rules(key)
        if len(set(before)) == len(before):
            survivors = [rule for rule in before if rule in after.rules(key)]
            assert [rule for rule in after.rules(key) if rule in survivors] == survivors
