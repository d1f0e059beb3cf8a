"""What podnet asks and shows on a terminal, and what it does without one."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from tests.scenarios.podnet import argv, process
from tests.scenarios.terminal import Answer, dialogue, hung_up, on_terminal

ESCAPE = "\x1b"
DOCKER = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"
HOSTILE = "x\x1b[2Jy"

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


def ask(node, verb, typed):
    return on_terminal(node.lab, node.name, argv(verb, node.spec), typed=typed, prompt="[y/N]")


def show(node, *environment):
    command = ["env", "TERM=xterm-256color", *environment, *argv("plan", node.spec, "--live")]
    return on_terminal(node.lab, node.name, command).stdout


@pytest.mark.parametrize("typed", ["n\n", "\n", "maybe\n", "\x04"], ids=repr)
def test_answer_that_is_no_yes_is_refused(node, typed):
    assert ask(node, "apply", typed).code == 3


def test_answer_that_is_no_yes_changes_nothing(node):
    before = node.state()
    ask(node, "apply", "n\n")
    assert node.state() == before


@pytest.mark.parametrize("verb", ["apply", "remove"])
def test_terminal_that_closes_at_the_question_is_a_no(applied, verb):
    applied.shell("ip route del 172.7.22.0/24")
    before = applied.state()
    code = hung_up(applied.lab, applied.name, argv(verb, applied.spec), "[y/N]")
    assert (code, applied.state()) == (3, before)


def answered(node, *answers):
    return dialogue(node.lab, node.name, argv("apply", node.spec), *answers)


def test_a_rule_that_comes_before_ours_while_podnet_asks_is_not_asked_about_again(node):
    done = answered(node, Answer("y\n", lambda: node.iptables("-t nat -I POSTROUTING -d 192.0.2.1 -j RETURN")))
    assert (done.code, done.stdout.count("[y/N]"), node.drift().code) == (0, 1, 0)


def test_where_other_changes_are_needed_by_then_they_are_shown_and_asked_about(node):
    deletion = f"-t nat -D POSTROUTING {DOCKER}"
    done = answered(node, Answer("y\n", lambda: node.iptables(deletion)), Answer("y\n"))
    assert (done.code, node.drift().code) == (0, 0)
    assert f"Other changes are needed now:\r\n  - delete rule nat POSTROUTING 2: {DOCKER}\r\n" in done.stdout


def test_a_no_to_the_other_changes_changes_nothing(node):
    deletion = f"-t nat -D POSTROUTING {DOCKER}"
    assert answered(node, Answer("y\n", lambda: node.iptables(deletion)), Answer("n\n")).code == 3
    assert "PODNET" not in node.rules()


def test_yes_applies(node):
    assert (ask(node, "apply", "y\n").code, node.drift().code) == (0, 0)


def test_yes_removes(applied):
    assert (ask(applied, "remove", "yes\n").code, "PODNET" in applied.rules()) == (0, False)


@pytest.mark.parametrize("verb", ["apply", "remove"])
def test_without_a_terminal_nothing_is_done_that_was_not_agreed_to(applied, verb):
    applied.shell("ip route del 172.7.22.0/24")
    assert process(applied.lab, applied.name, verb, applied.spec, text="y\n").code == 3


def test_without_a_terminal_nothing_changes(node):
    before = node.state()
    node.podnet("apply", node.spec)
    assert node.state() == before


def test_without_a_terminal_the_option_is_named(node):
    assert "--yes" in node.podnet("apply", node.spec).stderr


def test_without_a_terminal_there_is_nothing_to_ask_when_nothing_changes(applied):
    assert applied.podnet("apply", applied.spec).code == 0


def test_terminal_gets_colour(node):
    assert ESCAPE in show(node)


def test_terminal_gets_no_colour_with_no_color(node):
    assert [ESCAPE in show(node, *environment) for environment in ((), ("NO_COLOR=1",))] == [True, False]


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_pipe_gets_no_colour(node, form):
    shown = node.podnet("plan", node.spec, "--live", "--format", form).stdout
    assert ("172.7.22.0/24" in shown, ESCAPE in shown) == (True, False)


def test_plan_goes_to_stdout_and_nothing_else_does(node):
    assert node.podnet("plan", node.spec, "--live").stderr == ""


def test_report_of_an_apply_goes_to_stderr(node):
    assert node.apply().stderr.startswith("Applied.")


def test_reader_that_has_seen_enough_hears_no_complaint(tmp_path, backend):
    numbers = [(number // 250, number % 250) for number in range(2000)]
    nodes = [f"  n{a}-{b}: {{address: 10.0.{a}.{b + 1}/16, subnet: 172.{16 + a}.{b}.0/24}}\n" for a, b in numbers]
    spec = tmp_path / "many.yaml"
    head = "version: 1\ncluster: many\nnetwork: 172.16.0.0/12\nbackend: {type: host-gw}\nnodes:\n"
    spec.write_text(head + "".join(nodes))
    script = f"{shlex.join(argv('compile', spec, '--node', 'n0-0'))} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "n0-0\n", "")


def is_escaped(shown):
    """Return whether the name of the device is there, and without a character that a terminal would obey."""
    return ESCAPE not in shown and any(code in shown for code in (r"\x1b", r"\u001b"))


@pytest.fixture
def hostile(applied):
    """A node with a device whose name clears the screen of who prints it, and a stale route of ours through it."""
    applied.shell(
        'ip link add "$1" type bridge; ip link set "$1" up; ip route add 172.7.99.0/24 dev "$1" proto 112', HOSTILE
    )
    yield applied
    applied.shell('ip link del "$1"', HOSTILE)


@pytest.mark.parametrize("words", [["plan", "--live"], ["drift"], ["drift", "--format", "json"]], ids=" ".join)
def test_name_of_a_device_reaches_the_terminal_escaped(hostile, words):
    assert is_escaped(hostile.podnet(words[0], hostile.spec, *words[1:]).stdout)


def test_route_through_a_device_with_a_hostile_name_can_be_deleted(hostile):
    assert hostile.drift("--fix").code == 0


def test_device_with_a_hostile_name_can_be_recorded(hostile):
    assert is_escaped(hostile.podnet("capture").stdout)
