"""podnet remove as a use case, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import pytest

from netplan.errors import RefusedError, RestoredError
from netplan.kinds.chain.value import Chain
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.operations.apply import apply_spec
from netplan.operations.remove import remove
from netplan.operations.request import Dialogue, Options
from netplan.planning.safety import Flag
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import machine

SPEC = make.spec(firewall=make.REMOVE)
NODE = SPEC.topology.by_name["a"]
BEFORE = make.snapshot(make.docker(), ip_forward="1")
ALL = Options(frozenset({Flag.MANY_DELETES}))


def of_ours(state):
    """Return what is podnet's in a state."""
    return [resource for kind in (Link, Route, Chain) for resource in state.all(kind) if resource.ours]


@pytest.fixture
def applied(tmp_path):
    """A machine on which the spec was applied, its kernel and its report."""
    parts = machine(tmp_path, BEFORE)
    apply_spec(parts[0], SPEC, NODE)
    parts[2].notes.clear()
    return parts


def test_everything_of_podnets_goes_and_nothing_else(applied):
    here, kernel, _ = applied
    removed = remove(here, SPEC, NODE, ALL, Dialogue())
    foreign = BEFORE.rules(make.POSTROUTING)
    assert of_ours(kernel.state) == []
    assert set(foreign) - set(kernel.state.rules(make.POSTROUTING)) == {make.rule(make.DOCKER_MASQUERADE)}
    assert (removed.left_behind, here.store.generations.newest) == ((), 2)


def test_it_is_said_who_no_longer_reaches_whom_and_what_is_not_put_back(applied):
    here, _, report = applied
    remove(here, SPEC, NODE, ALL, Dialogue())
    question, applied_note, reach, *absent = report.notes
    assert question.startswith("Pods here and those of 1 other subnet will no longer reach each other")
    assert applied_note.startswith("Applied. a is as planned")
    assert reach.startswith("Pods here and those of 1 other subnet no longer reach each other")
    assert absent[1:] == [
        f"  nat POSTROUTING: {make.DOCKER_MASQUERADE}",
        f"  filter FORWARD: {make.REJECT}",
    ]


def test_a_node_that_has_nothing_of_podnets_is_left_as_it_is(tmp_path):
    here, kernel, report = machine(tmp_path, BEFORE)
    assert remove(here, SPEC, NODE, ALL, Dialogue()).outcome.done.plan.changes == ()
    assert (kernel.writes, report.notes) == (0, [])


def test_without_a_yes_nothing_is_taken_off(applied):
    here, kernel, _ = applied
    before = make.content(kernel.state)
    with pytest.raises(RefusedError, match=r"^nothing was changed$"):
        remove(here, SPEC, NODE, ALL, Dialogue(decide=lambda _: False))
    assert make.content(kernel.state) == before


def test_a_remove_whose_write_fails_brings_everything_back(tmp_path):
    here, kernel, _ = machine(tmp_path, BEFORE)
    apply_spec(here, SPEC, NODE)
    failing = MemoryKernel(kernel.state, fail_at=2)
    here, _, _ = machine(tmp_path, failing)
    with pytest.raises(RestoredError, match="a test asked for that"):
        remove(here, SPEC, NODE, ALL, Dialogue())
    assert make.content(failing.state) == make.content(kernel.state)


def test_what_podnet_took_over_is_warned_of_once_the_plan_is_shown(tmp_path):
    adopting = make.spec(backend="{type: host-gw, adopt: true}")
    here, _, report = machine(tmp_path, make.snapshot("", make.route(protocol=3)))
    apply_spec(here, adopting, NODE)
    report.notes.clear()
    remove(here, adopting, NODE, ALL, Dialogue(lambda _: report.notes.append("shown")))
    shown, _, warning = report.notes[:3]
    assert (shown, warning.split(". ")[0]) == ("shown", "warning: podnet took over 1 route from another program")
    assert "`podnet rollback 0` restores what that program had made, also after remove" in warning
