"""What holds the lock on a machine in memory settles first what an earlier verb left."""

from __future__ import annotations

import pytest

from netplan.errors import ChangedError, LockedError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply import apply_spec
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.lock_hold import hold_lock
from netplan.planning.differences import diff_node
from tests import make
from tests.machines import machine

SPEC = make.spec(firewall=make.REMOVE)
NODE = SPEC.topology.by_name["a"]
WANTED = make.desired(SPEC)
BEFORE = make.snapshot(make.docker())
SOON = 0.05


def test_what_an_apply_left_that_was_killed_is_undone_first(tmp_path):
    here, kernel, report = machine(tmp_path)
    journal = ApplyJournal(here.store, make.origin(), WantedState(WANTED.sysctls))
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    kernel.state = BEFORE.replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "1")])
    outcome = apply_spec(here, SPEC, NODE)
    assert "was interrupted; the state before it is restored (1 change)." in report.notes[0]
    assert outcome.done.before.all(Sysctl)[0].value == "0"


def mistaken(here, *, changed):
    """Make a mistake under the lock, before or after the node is changed."""
    with hold_lock(here, "apply", 0) as hold:
        if changed:
            hold.changed.set()
        raise TypeError("a mistake")


def test_what_nothing_foresaw_is_told_as_such_once_the_node_is_changed(tmp_path):
    here, _, _ = machine(tmp_path)
    with pytest.raises(ChangedError, match="The node was changed before that"):
        mistaken(here, changed=True)


def test_what_nothing_foresaw_stays_what_it_is_where_nothing_was_changed(tmp_path):
    here, _, _ = machine(tmp_path)
    with pytest.raises(TypeError, match="a mistake"):
        mistaken(here, changed=False)


def test_a_second_verb_is_told_which_one_holds_the_lock(tmp_path):
    here, _, _ = machine(tmp_path)
    with (
        hold_lock(here, "drift --fix", 0),
        pytest.raises(LockedError, match=r"podnet drift --fix .* holds the lock"),
        hold_lock(here, "apply", 0),
    ):
        pass
