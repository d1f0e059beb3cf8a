"""What every verb that writes does under the lock: plans again beside others, waits for a confirm, undoes."""

from __future__ import annotations

import pytest

from netplan.errors import ContendedError, RestoredError
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

    def __init__(self, state):
        super().__init__(state)
        self.left = 1

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
