from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.cli.views.history import (
    history_json,
    history_text,
    leftover_json,
    leftover_text,
    recoveries_json,
    recovery_text,
)
from netplan.kinds.resource import Change
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.history import BegunApply
from netplan.operations.settle import Cause, Recovery
from netplan.operations.unfinished import Leftover
from netplan.planning import sysctls
from netplan.store.generations import Damaged, Generation
from netplan.store.journal import Confirm, JournalEntry, JournalStart, Phase
from netplan.system import clock
from netplan.system.process import Process
from tests import make

WHEN = make.origin().when
PLAN = make.plan(make.snapshot(make.docker()), make.spec(firewall=make.REMOVE))
GENERATION = Generation(1, "c0ffee", make.origin(), JournalStart(PLAN.changes, make.snapshot()), make.snapshot())


def test_a_generation_is_a_line_and_the_newest_is_marked():
    newest = replace(GENERATION, number=2, origin=make.origin("rollback to 1"))
    assert history_text([GENERATION, newest]).splitlines() == [
        f"     1  {WHEN}  root (uid 0)  apply          specs/c.yaml 00000000  5 create, 1 update, 2 delete",
        f"*    2  {WHEN}  root (uid 0)  rollback to 1  specs/c.yaml 00000000  5 create, 1 update, 2 delete",
    ]


def test_a_state_of_no_spec_has_a_dash_for_it():
    unnamed = replace(GENERATION, origin=replace(make.origin("rollback to before 1"), spec_path="", spec_sha256=""))
    assert "rollback to before 1  -  5 create" in history_text([unnamed])


def test_a_damaged_generation_is_called_so():
    assert history_text([Damaged(7, Path("/x"), "why")]) == "*    7  damaged"


def test_a_generation_of_another_version_is_called_after_its_format():
    assert history_text([Damaged(7, Path("/x"), "why", "3.0")]) == "*    7  format 3.0"


def test_what_a_terminal_would_act_on_is_escaped():
    hostile = replace(GENERATION, origin=replace(make.origin(), spec_path="\x1b[2J"))
    assert "\\x1b[2J" in history_text([hostile])


ENTRY = JournalEntry("c0ffee", make.origin(), Phase.WRITING, JournalStart(PLAN.changes, make.snapshot()))
CONFIRM = Confirm(60, clock.now() + 60, "", Process(1, 1))


def test_an_apply_that_waits_for_its_confirm_is_a_line_of_the_history():
    waiting = replace(ENTRY, phase=Phase.VERIFIED, after=make.snapshot(), confirm=CONFIRM)
    assert history_text([], BegunApply(waiting, waits=True)) == (
        f">    -  {WHEN}  root (uid 0)  apply  specs/c.yaml 00000000  5 create, 1 update, 2 delete; "
        f"waits for its confirm until {clock.at(CONFIRM.deadline)}"
    )


def test_an_apply_that_was_interrupted_is_a_line_of_the_history_with_what_goes_on_from_it():
    first, second = history_text([GENERATION], BegunApply(ENTRY, waits=False)).splitlines()
    assert (first[0], second[0], second.endswith("; not finished: podnet recover")) == ("*", ">", True)


@pytest.mark.parametrize("waits", [True, False])
def test_an_apply_that_is_no_generation_yet_is_told_to_programs(waits):
    pending = history_json([], BegunApply(replace(ENTRY, confirm=CONFIRM), waits=waits))["pending"]
    assert (pending["verb"], pending["waits_for_confirm"], pending["seconds_left"] is not None) == (
        "apply",
        waits,
        waits,
    )


LEFT = {
    "  create route 172.7.99.0/24 via 10.4.7.22 dev eth0": Leftover(
        ENTRY, (Change(None, make.route("172.7.99.0/24"), make.WHY),)
    ),
    "  nothing: it is there": Leftover(ENTRY),
    "  table nat can't be read": Leftover(ENTRY, unknown="table nat can't be read"),
}


@pytest.mark.parametrize(("line", "left"), LEFT.items(), ids=["undone", "nothing", "unknown"])
def test_what_is_given_up_is_said_with_what_that_leaves(line, left):
    head = f"podnet apply by root (uid 0) of {WHEN} was not finished. What would restore the state before it:"
    assert leftover_text(left) == f"{head}\n{line}"


def test_what_is_given_up_is_told_to_programs():
    abandoned = leftover_json(Leftover(ENTRY, PLAN.changes), Path("/x"))["abandoned"]
    assert (abandoned["verb"], len(abandoned["changes"]), abandoned["unknown"], abandoned["kept"]) == (
        "apply",
        8,
        None,
        "/x",
    )


RECOVERIES = {
    "was interrupted; the state before it is restored (1 change).": Recovery(
        Cause.INTERRUPTED, make.origin(), PLAN.changes[:1]
    ),
    "was done when it was interrupted; it is generation 3.": Recovery(Cause.VERIFIED, make.origin(), generation=3),
}


@pytest.mark.parametrize(("said", "recovery"), RECOVERIES.items(), ids=["interrupted", "verified"])
def test_a_recovery_says_whose_run_was_interrupted_and_what_became_of_it(said, recovery):
    assert recovery_text(recovery) == f"podnet apply by root (uid 0) of {WHEN} {said}"


def test_a_recovery_after_a_reboot_says_what_is_back():
    recovery = Recovery(Cause.REBOOT, make.origin(), PLAN.changes[:2], 4)
    assert recovery_text(recovery) == "The state from before the reboot is restored (2 changes), as generation 4."


def test_a_recovery_after_a_reboot_says_what_is_not_back():
    late = (Sysctl("net.ipv4.conf.cni0.arp_filter", "1"), Sysctl("net.bridge.bridge-nf-call-iptables", "1"))
    waits, lacks = sysctls.waiting_warnings(late)
    recovery = Recovery(Cause.REBOOT, make.origin(), PLAN.changes[:2], 4, late)
    assert recovery_text(recovery).splitlines() == [
        "The state from before the reboot is restored except for what follows (2 changes), as generation 4:",
        f"  {waits}",
        f"  {lacks}",
    ]


def test_recoveries_are_told_to_programs():
    (recovered,) = recoveries_json([Recovery(Cause.REBOOT, make.origin(), PLAN.changes, 4)])["recovered"]
    assert (recovered["found"], recovered["verb"], recovered["generation"], len(recovered["changes"])) == (
        "reboot",
        "apply",
        4,
        8,
    )


def test_history_refuses_a_folder_that_every_user_may_write_to(podnet, tmp_path):
    tmp_path.chmod(0o757)
    code, _, err = podnet("history", "--var-dir", str(tmp_path))
    assert (code, f"chmod go-w {tmp_path}" in err) == (3, True)
