"""A state that is not confirmed goes: whatever becomes of the process that applied it, and of its terminal."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.scenarios.node import Node
from tests.scenarios.session import PATIENCE, WAITS, Session, end_all, session, settled, unguarded
from tests.scenarios.tools import first_in_path, links, wrap

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


def slow(folder: Path, program: str) -> tuple[list[str], Callable[[], None]]:
    """Make a program take its time after it has done its work; what waits for it to get there comes too."""
    programs = {"iptables-nft", "iptables-nft-restore"}
    links(folder, {other: other for other in programs - {program}})
    wrap(folder, program, after=[f"touch {folder}/reached", "sleep 2"])

    def reached() -> None:
        deadline = time.monotonic() + PATIENCE
        while not (folder / "reached").exists():
            assert time.monotonic() < deadline, f"{program} was not run"
            time.sleep(0.01)

    return first_in_path(folder), reached


ENDS: Final = {
    "its terminal closes": Session.hang_up,
    "it is asked to end": Session.terminate,
    "it is killed": Session.kill,
}
BY: Final = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
CONFIRM: Final = pytest.mark.parametrize("options", [(), ("--confirm-within", "2")], ids=["without", "with confirm"])


@BY
@CONFIRM
def test_an_apply_that_ends_before_it_writes_leaves_the_state_before(node, tmp_path, end, options):
    before = node.state()
    program, reached = slow(tmp_path, "iptables-nft")
    with session(node, *options, before=program) as apply:
        reached()
        end(apply)
    settled(node)
    assert node.state() == before


@BY
def test_an_apply_that_ends_while_it_writes_is_undone_at_the_deadline(node, tmp_path, end):
    before = node.state()
    program, reached = slow(tmp_path, "iptables-nft-restore")
    with session(node, "--confirm-within", "2", before=program) as apply:
        reached()
        end(apply)
    settled(node)
    assert node.state() == before


@BY
def test_an_apply_that_ends_while_it_writes_is_undone_at_once_or_by_recover(node, tmp_path, end):
    before = node.state()
    program, reached = slow(tmp_path, "iptables-nft-restore")
    with session(node, before=program) as apply:
        reached()
        end(apply)
        if end is not Session.kill:
            settled(node)
    node.podnet("recover", "--lock-timeout", "20")
    assert node.state() == before


@BY
def test_an_apply_that_ends_while_it_waits_is_undone_at_the_deadline(node, end):
    before = node.state()
    with session(node, "--confirm-within", "1") as apply:
        apply.until(WAITS)
        end(apply)
    settled(node)
    assert node.state() == before


@BY
def test_a_state_is_confirmed_after_its_apply_has_ended(node, end):
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        end(apply)
    assert (node.podnet("confirm").code, node.drift().code) == (0, 0)


@BY
def test_no_guard_is_left_to_undo_a_confirmed_state(node, end):
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        confirmed = node.podnet("confirm").code
        end(apply)
    unguarded(node)
    assert (confirmed, node.drift().code) == (0, 0)


def test_an_apply_that_is_confirmed_exits_0(node):
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        node.podnet("confirm")
        assert apply.process.wait(PATIENCE) == 0


def test_an_apply_that_is_not_confirmed_exits_4(node):
    done = node.podnet("apply", node.spec, "--yes", "--confirm-within", "1")
    assert done.code == 4, done.stderr


def test_an_apply_that_is_not_confirmed_restores_the_state_before(node):
    before = node.state()
    node.podnet("apply", node.spec, "--yes", "--confirm-within", "1")
    assert node.state() == before


def test_ctrl_c_is_a_no_at_once(node):
    before = node.state()
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        os.write(apply.controller, b"\x03")
        assert (apply.process.wait(PATIENCE), node.state()) == (4, before)


@pytest.fixture
def pending(node: Node) -> Iterator[str]:
    """The token of an apply that waits for its confirm."""
    with session(node, "--confirm-within", "600") as apply:
        yield re.findall(r"podnet confirm (\w+)", apply.until("s left"))[0]
        os.write(apply.controller, b"\x03")
        apply.process.wait(PATIENCE)


@pytest.mark.parametrize(
    "words",
    [["apply", "SPEC", "--yes"], ["drift", "SPEC", "--fix"], ["remove", "SPEC", "--yes"], ["rollback", "--yes"]],
)
def test_nothing_else_writes_while_a_confirm_is_pending(node, pending, words):
    done = node.podnet(*(node.spec if word == "SPEC" else word for word in words))
    assert (done.code, "waits for its confirm until" in done.stderr) == (3, True)


def test_a_wrong_token_confirms_nothing(node, pending):
    done = node.podnet("confirm", "0" * len(pending))
    assert (done.code, "not the token" in done.stderr) == (3, True)


def test_the_token_confirms(node, pending):
    assert node.podnet("confirm", pending).code == 0


def test_a_second_confirm_finds_nothing(node, pending):
    node.podnet("confirm", pending)
    assert node.podnet("confirm", pending).code == 3


def test_another_user_needs_the_token(node, pending):
    node.shell('sed -i "s/root (uid 0)/ada (uid 1000)/" "$PODNET_VAR_DIR/journal.json"')
    done = node.podnet("confirm")
    assert (done.code, "give the token" in done.stderr) == (3, True)


def test_an_apply_that_waits_for_its_confirm_is_in_the_history(node, pending):
    node.shell('rm -rf "$PODNET_VAR_DIR/generations"')
    assert "; waits for its confirm until" in node.podnet("history").stdout


def test_an_apply_that_waits_for_its_confirm_is_not_abandoned(node, pending):
    assert node.podnet("recover", "--abandon", "--yes").code == 3


def test_nothing_to_confirm_is_said(node):
    done = node.podnet("confirm")
    assert (done.code, "nothing to confirm" in done.stderr) == (3, True)


def test_an_apply_without_changes_asks_for_no_confirm(applied):
    assert applied.podnet("apply", applied.spec, "--yes", "--confirm-within", "1").code == 0


def test_after_a_reboot_before_the_confirm_the_state_before_comes_back(node):
    before = node.state()
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        end_all(node, apply)
    node.shell('sed -i "s/\\"boot_id\\": \\"[^\\"]*\\"/\\"boot_id\\": \\"another\\"/" "$PODNET_VAR_DIR/journal.json"')
    done = node.podnet("recover")
    assert (done.code, "was not confirmed" in done.stdout, node.state().routes) == (0, True, before.routes)


OVERDUE: Final = r"""sed -i 's/"deadline": [0-9.]*/"deadline": 1.0/' "$PODNET_VAR_DIR/journal.json" """
"""The deadline is over, as if it were that late already."""


VERDICT: Final = r"""
id=$(sed -E 's/.*"id": "([0-9a-f]+)".*/\1/' "$PODNET_VAR_DIR/journal.json")
echo '{"verdict": "confirmed", "who": "root (uid 0)", "pid": 0}' > "$PODNET_VAR_DIR/verdict-$id.json"
"""
"""A process has confirmed, and has ended before anything came of it."""


@pytest.fixture
def forsaken(node):
    """A node on which an apply and its guard were killed while they waited for a confirm, and its state before."""
    before = node.state()
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        end_all(node, apply)
    yield before
    node.shell('rm -f "$PODNET_VAR_DIR/journal.json"')


def test_without_a_guard_recover_brings_the_state_before_back_after_the_deadline(node, forsaken):
    node.shell(OVERDUE)
    assert (node.podnet("recover").code, node.state()) == (0, forsaken)


@pytest.mark.parametrize("words", [["apply", "SPEC", "--yes"], ["drift", "SPEC", "--fix"], ["remove", "SPEC", "--yes"]])
def test_without_a_guard_the_next_verb_that_writes_starts_from_the_state_before(node, forsaken, words):
    node.shell(OVERDUE)
    done = node.podnet(*(node.spec if word == "SPEC" else word for word in words))
    assert (done.code, "was not confirmed" in done.stderr) == (0, True), done.stderr
    assert (node.state() == forsaken) == (words[0] == "remove")


def test_without_a_guard_nothing_is_written_before_the_deadline(node, forsaken):
    before = node.state()
    assert (node.podnet("recover").code, node.apply().code, node.state()) == (3, 3, before)


def test_without_a_guard_the_state_can_be_confirmed_before_the_deadline(node, forsaken):
    assert (node.podnet("confirm").code, node.drift().code) == (0, 0)


def test_without_a_guard_it_is_too_late_to_confirm_after_the_deadline(node, forsaken):
    node.shell(OVERDUE)
    done = node.podnet("confirm")
    assert (done.code, "too late to confirm" in done.stderr) == (3, True)


@pytest.fixture
def hung(node):
    """A node on which the guard of an apply hangs, the apply was killed and its time is over; and its state before."""
    before = node.state()
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        node.shell("pkill -STOP -f 'internal[ ]guard'")
        apply.kill()
    node.shell(OVERDUE)
    yield before
    node.shell("pkill -KILL -f 'internal[ ]guard' || true; rm -f \"$PODNET_VAR_DIR/journal.json\"")


@pytest.mark.parametrize("words", [["recover"], ["remove", "SPEC", "--yes"]], ids=" ".join)
def test_where_the_guard_hangs_the_next_verb_that_writes_brings_the_state_before_back(node, hung, words):
    done = node.podnet(*(node.spec if word == "SPEC" else word for word in words))
    assert (done.code, "was not confirmed" in done.stdout + done.stderr, node.state()) == (0, True, hung), done.stderr


def test_where_the_guard_hangs_a_confirm_names_the_verb_that_brings_the_state_before_back(node, hung):
    done = node.podnet("confirm")
    assert (done.code, "if it does not, `podnet recover` does" in done.stderr) == (3, True), done.stderr


def test_an_apply_whose_confirmer_died_is_kept_once_and_exits_0(node):
    """The verdict is made, and who made it is gone: the apply and its guard both see to it."""
    with session(node, "--confirm-within", "600") as apply:
        apply.until(WAITS)
        node.shell(VERDICT)
        code = apply.process.wait(PATIENCE)
    unguarded(node)
    assert (code, node.drift().code, node.shell('ls "$PODNET_VAR_DIR" | grep -c guard.log || true').strip()) == (
        0,
        0,
        "0",
    )
