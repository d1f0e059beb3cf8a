"""A state that nobody confirms goes: whatever becomes of the process that applied it, and of its terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.netns.node import Node
from tests.netns.podnet import argv
from tests.netns.terminal import read
from tests.netns.tools import first_in_path, links, wrap

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

WAITS: Final = "Confirm within"
PATIENCE: Final = 20


class Session(NamedTuple):
    """An apply on a terminal of its own."""

    process: subprocess.Popen[bytes]
    controller: int

    def until(self, text: str) -> str:
        """Read what the terminal shows until a text appears."""
        return read(self.controller, text).decode()

    def hang_up(self) -> None:
        """Close the terminal."""
        os.close(self.controller)

    def terminate(self) -> None:
        """Ask podnet to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End podnet without asking."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for pid in _family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _family(pid: int) -> list[int]:
    """Give the processes that enter the lab, and podnet itself; not the programs that podnet runs."""
    found = [pid]
    while (children := Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text().split()) and "apply" in Path(
        f"/proc/{children[0]}/cmdline"
    ).read_text().split("\0"):
        found.append(int(children[0]))
    return found[::-1]


@contextmanager
def session(node: Node, *options: str, before: list[str] | None = None) -> Iterator[Session]:
    controller, terminal = os.openpty()
    command = [*(before or []), *argv("apply", node.spec, "--yes", *options)]
    process = subprocess.Popen(
        ["setsid", "--ctty", *node.lab.command(node.name, command)], stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    try:
        yield Session(process, controller)
    finally:
        process.kill()
        process.wait(PATIENCE)
        with suppress(OSError):
            os.close(controller)


def settled(node: Node) -> None:
    """Wait until nothing is under way on a node: neither apply nor its guard."""
    deadline = time.monotonic() + PATIENCE
    while node.shell('test ! -e "$PODNET_VAR_DIR/journal.json" || echo under way'):
        assert time.monotonic() < deadline, "the journal is still there"
        time.sleep(0.05)


def slow(folder: Path, program: str) -> tuple[list[str], Callable[[], None]]:
    """Make a program take its time after it has done its work; what waits for it to get there comes too."""
    programs = {"iptables-nft", "iptables-nft-restore", "iptables-nft-save"}
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
    program, reached = slow(tmp_path, "iptables-nft-save")
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
    with session(node, "--confirm-within", "20") as apply:
        apply.until(WAITS)
        end(apply)
    assert (node.podnet("confirm").code, node.drift().code) == (0, 0)


@BY
def test_a_confirmed_state_outlives_the_deadline(node, end):
    with session(node, "--confirm-within", "2") as apply:
        apply.until(WAITS)
        confirmed = node.podnet("confirm").code
        end(apply)
    time.sleep(3)
    assert (confirmed, node.drift().code) == (0, 0)


def test_an_apply_that_is_confirmed_exits_0(node):
    with session(node, "--confirm-within", "20") as apply:
        apply.until(WAITS)
        node.podnet("confirm")
        assert apply.process.wait(PATIENCE) == 0


def test_an_apply_that_nobody_confirms_exits_4(node):
    assert node.podnet("apply", node.spec, "--yes", "--confirm-within", "1").code == 4


def test_an_apply_that_nobody_confirms_restores_the_state_before(node):
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
    with session(node, "--confirm-within", "60") as apply:
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


def test_nothing_to_confirm_is_said(node):
    done = node.podnet("confirm")
    assert (done.code, "nothing to confirm" in done.stderr) == (3, True)


def test_an_apply_without_changes_asks_for_no_confirm(applied):
    assert applied.podnet("apply", applied.spec, "--yes", "--confirm-within", "1").code == 0


def test_after_a_reboot_before_the_confirm_the_state_before_comes_back(node):
    before = node.state()
    with session(node, "--confirm-within", "60") as apply:
        apply.until(WAITS)
        end_all(node, apply)
    node.shell('sed -i "s/\\"boot_id\\": \\"[^\\"]*\\"/\\"boot_id\\": \\"another\\"/" "$PODNET_VAR_DIR/journal.json"')
    done = node.podnet("recover")
    assert (done.code, "was not confirmed" in done.stdout, node.state().routes) == (0, True, before.routes)


def end_all(node: Node, apply: Session) -> None:
    """End an apply and its guard, as a power loss does."""
    apply.kill()
    node.shell("pkill -9 -f 'netplan[.]guard'; true")
