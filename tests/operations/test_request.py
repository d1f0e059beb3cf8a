"""What every verb that writes does under the lock: plans again beside others, waits for a confirm, undoes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import ContendedError, OvertakenError, RestoredError, UnsteadyError
from netplan.kinds.chain.value import Chain
from netplan.operations import attempts
from netplan.operations.apply import apply_spec
from netplan.operations.confirm import confirm_apply
from netplan.operations.request import Dialogue, Options
from netplan.planning.differences import diff_node
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import Answer, machine

SPEC = make.spec(firewall=make.REMOVE)
NODE = SPEC.topology.by_name["a"]
WANTED = make.desired(SPEC)
BEFORE = make.snapshot(make.docker())
SOON = 0.05


class Contended(MemoryKernel):
    """A kernel in which another program changes the rules as they are written first."""

    def __init__(self, state, left=1):
        super().__init__(state)
        self.left = left

    def write(self, batch):
        if batch.kind == "table" and self.left:
            self.left -= 1
            raise ContendedError("another program was there first")
        super().write(batch)


def test_an_apply_that_another_program_comes_in_the_way_of_plans_again(tmp_path):
    here, kernel, report = machine(tmp_path, Contended(BEFORE))
    answer = Answer()
    apply_spec(here, SPEC, NODE, dialogue=Dialogue(decide=answer))
    assert not [*diff_node(WANTED, kernel.state)]
    assert report.notes[0] == "Another program changed the node meanwhile, and nothing is changed: planning again."
    assert [plan.node for plan in answer.asked] == ["a"]


def test_an_apply_that_is_not_confirmed_in_time_is_undone(tmp_path):
    here, kernel, report = machine(tmp_path)
    seconds: list[float | None] = []
    with pytest.raises(RestoredError, match=r"^no confirm came within 0.05 s\nNothing is changed"):
        apply_spec(here, SPEC, NODE, Options(within=SOON), Dialogue(count_down=seconds.append))
    assert make.content(kernel.state) == make.content(BEFORE)
    assert (here.store.journal.read(), here.store.generations.all()) == (None, ())
    assert seconds[-1] is None
    assert "Confirm within 0.05 s" in report.notes[1]


def test_an_apply_that_is_confirmed_meanwhile_stays(tmp_path):
    here, kernel, report = machine(tmp_path)

    def confirm(left):
        if left is not None:
            confirm_apply(here.store, None)

    apply_spec(here, SPEC, NODE, Options(within=60), Dialogue(count_down=confirm))
    assert not [*diff_node(WANTED, kernel.state)]
    assert (here.store.journal.read(), here.store.generations.newest, report.notes[-1]) == (None, 1, "Confirmed.")


def test_ctrl_c_in_the_place_of_a_confirm_brings_the_state_before_back(tmp_path):
    here, kernel, _ = machine(tmp_path)

    def interrupt(left):
        if left is not None:
            raise KeyboardInterrupt

    with pytest.raises(RestoredError, match=r"^interrupted instead of confirmed\n"):
        apply_spec(here, SPEC, NODE, Options(within=60), Dialogue(count_down=interrupt))
    assert make.content(kernel.state) == make.content(BEFORE)


def test_a_node_that_another_program_changes_all_the_time_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "_MOST", 1)
    here, kernel, report = machine(tmp_path, Contended(BEFORE, left=100))
    with pytest.raises(OvertakenError, match="another program was there first"):
        apply_spec(here, SPEC, NODE)
    assert (make.content(kernel.state), len(report.notes)) == (make.content(BEFORE), 1)


class Meddled(Contended):
    """A kernel in which another program forbids forwarding once more as the rules are written first."""

    def write(self, batch):
        try:
            super().write(batch)
        except ContendedError:
            forward = self.state.chains[make.FORWARD]
            others = [chain for chain in self.state.all(Chain) if chain is not forward]
            self.state = self.state.replace(
                Chain, [*others, replace(forward, rules=(*forward.rules, forward.rules[-1]))]
            )
            raise


def test_where_other_changes_are_needed_then_they_are_told_and_asked_for_again(tmp_path):
    here, kernel, report = machine(tmp_path, Meddled(BEFORE))
    answer = Answer()
    apply_spec(here, SPEC, NODE, dialogue=Dialogue(decide=answer))
    assert report.notes[1] == f"Other changes are needed now:\n  + delete rule filter FORWARD 8: {make.REJECT}"
    assert ([plan.node for plan in answer.asked], [*diff_node(WANTED, kernel.state)]) == (["a", "a"], [])


class Unsteady(MemoryKernel):
    """A kernel whose state changes faster than it can be read, so many times."""

    def __init__(self, state, times):
        super().__init__(state)
        self.times = times

    def observe(self, interest):
        if interest.rules and self.times:
            self.times -= 1
            raise UnsteadyError("the rules change all the time")
        return super().observe(interest)


def test_a_state_that_changes_as_it_is_read_is_read_again(tmp_path):
    here, kernel, _ = machine(tmp_path, Unsteady(BEFORE, times=1))
    apply_spec(here, SPEC, NODE)
    assert not [*diff_node(WANTED, kernel.state)]


def test_a_state_that_changes_as_it_is_read_for_too_long_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "_MOST", 1)
    here, kernel, _ = machine(tmp_path, Unsteady(BEFORE, times=2))
    with pytest.raises(UnsteadyError, match="the rules change all the time"):
        apply_spec(here, SPEC, NODE)
    assert kernel.writes == 0


def test_a_generation_that_cannot_be_kept_leaves_the_journal_to_recover(tmp_path):
    here, kernel, report = machine(tmp_path)
    here.store.generations.folder.write_text("")
    apply_spec(here, SPEC, NODE)
    assert not [*diff_node(WANTED, kernel.state)]
    assert here.store.journal.read() is not None
    assert report.notes[1].endswith("; `podnet recover` keeps it as soon as it can be")
