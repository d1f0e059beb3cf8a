from __future__ import annotations

import pytest

from netplan.errors import RefusedError, StoreError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply_journal import ApplyJournal, WantedState, provenance_of
from netplan.operations.confirm import confirm_within
from netplan.planning.differences import diff_node
from netplan.store.journal import Phase
from netplan.store.provenance import boot_id
from netplan.store.store import Store
from tests import make

BEFORE, WANTED = make.snapshot(), make.desired()
AFTER = make.settled(WANTED, BEFORE)
CHANGES = tuple(diff_node(WANTED, BEFORE))
LATE = Sysctl("net.ipv4.conf.cni0.rp_filter", "2")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_generation_keeps_the_parameters_that_are_wanted_and_those_that_wait_for_their_device(store):
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls, waiting=[LATE]))
    journal.opened(CHANGES, BEFORE)
    journal.verified(AFTER)
    kept = journal.finished().after.all(Sysctl)
    assert {sysctl.name for sysctl in kept} == {*WANTED.sysctls, LATE.name}


def test_an_apply_that_was_undone_leaves_no_journal(store):
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls))
    journal.opened(CHANGES, BEFORE)
    journal.undone()
    assert store.journal.read() is None


def test_an_apply_that_took_over_from_another_and_was_undone_leaves_the_journal_of_both(store):
    ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls)).opened(CHANGES[:1], BEFORE)
    later = ApplyJournal(store, make.origin("rollback to 3"), WantedState(WANTED.sysctls))
    later.opened(CHANGES[1:], BEFORE)
    later.undone()
    left = store.journal.read()
    assert (left.origin.verb, left.phase, left.changes) == ("apply", Phase.WRITING, CHANGES[:1])


def test_where_no_guard_can_be_started_nothing_is_begun(store):
    def refuse(_entry):
        raise RefusedError("the guard can't be started")

    journal = ApplyJournal(store, make.origin(), WantedState(()), confirm_within(60, "secret", None), refuse)
    with pytest.raises(RefusedError, match="the guard can't be started"):
        journal.opened(CHANGES, BEFORE)
    assert store.journal.read() is None


def test_a_journal_that_was_not_opened_has_no_entry(store):
    with pytest.raises(StoreError, match="was not opened"):
        ApplyJournal(store, make.origin(), WantedState(())).finished()


def test_an_origin_of_a_plan_names_the_spec_and_the_node():
    plan = make.plans(make.plan())
    provenance = provenance_of("apply", plan, plan.nodes[0])
    assert (provenance.node, provenance.cluster, provenance.spec_path, provenance.boot_id) == (
        "a",
        "c",
        "specs/c.yaml",
        boot_id(),
    )
