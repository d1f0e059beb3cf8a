"""Where systemd runs its timer starts the guard, which nothing that befalls the session can end."""

from __future__ import annotations

import pytest

from tests.scenarios.podnet import Outcome, argv
from tests.scenarios.systemd import TIME_IS_UP, booted
from tests.scenarios.tools import first_in_path

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


@pytest.fixture
def run(node, tmp_path):
    """Apply on the node and do something while it waits for its confirm, so many seconds at most."""

    def run(act, seconds):
        command = [*first_in_path(tmp_path), *booted(tmp_path, node.spec, act, seconds)]
        done = node.lab.run(node.name, command, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


def timers(tmp_path):
    return (tmp_path / "timers").read_text()


def test_the_timer_has_the_time_and_the_path_and_starts_the_guard(run, tmp_path):
    run("kill -9 $apply", 1)
    said = timers(tmp_path)
    assert (
        "--on-active=1 " in said,
        f"--setenv=PATH={tmp_path}:" in said,
        f"internal guard {tmp_path}/var" in said,
    ) == (
        True,
        True,
        True,
    )


@pytest.mark.parametrize("act", ["kill -9 $apply", "kill $apply", "kill -HUP $apply"])
def test_the_timer_brings_the_state_before_back_whatever_ended_the_apply(node, run, act):
    before = node.state()
    run(act, 1)
    assert node.state() == before


def test_an_apply_that_is_not_confirmed_exits_4_beside_the_timer_too(node, run):
    before = node.state()
    assert (run(":", 1).code, node.state()) == (4, before)


def test_a_state_that_is_confirmed_outlives_the_timer(node, run, tmp_path):
    confirm = " ".join(argv("confirm", "--var-dir", tmp_path / "var"))
    done = run(f"{confirm}; {TIME_IS_UP}; while pgrep -f 'internal[ ]guard'; do sleep 0.1; done", 600)
    assert (done.code, node.drift().code) == (0, 0), done.stderr


def test_no_guard_runs_before_the_timer_starts_it(run, tmp_path):
    run(f"pgrep -f '^[^ ]* -P -c .*internal[ ]guard' > {tmp_path}/guards || true; kill -9 $apply", 1)
    assert (tmp_path / "guards").read_text() == ""
