"""What takes long shows how far it is, on a terminal only, and leaves nothing of that behind."""

from __future__ import annotations

import pytest

from tests.scenarios.podnet import argv, process
from tests.scenarios.terminal import on_terminal
from tests.scenarios.tools import first_in_path, links, wrap

BAR = "podnet: writing table"
ERASE, HIDE_CURSOR = "\x1b[2K", "\x1b[?25l"
CTRL_C = "\x03"

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


@pytest.fixture
def slow(tmp_path):
    """The command that starts another where rules take a while to be written."""
    links(tmp_path, {name: name for name in ("iptables-nft", "iptables-nft-save")})
    wrap(tmp_path, "iptables-nft-restore", before=["sleep 1.2"])
    return first_in_path(tmp_path)


def shown(node, slow, typed=""):
    """Apply on a terminal of its own, and type something once the bar is there."""
    command = ["env", "TERM=xterm-256color", *slow, "setsid", "--ctty", "--wait", *argv("apply", node.spec, "--yes")]
    return on_terminal(node.lab, node.name, command, typed=typed, prompt=BAR)


def test_what_takes_long_is_shown_with_a_bar_that_is_gone_when_it_is_done(node, slow):
    done = shown(node, slow)
    left = done.stdout.rpartition(ERASE)[2]
    assert (done.code, left[:8], "podnet: " in left, HIDE_CURSOR in done.stdout) == (0, "Applied.", False, False)


def test_ctrl_c_at_the_bar_brings_the_state_before_back_and_leaves_no_bar(node, slow):
    before = node.state()
    done = shown(node, slow, CTRL_C)
    left = done.stdout.rpartition(ERASE)[2]
    assert (done.code, node.state(), HIDE_CURSOR in done.stdout) == (4, before, False)
    assert left.startswith("podnet: interrupted by SIGINT\r\nNothing is changed")


def test_without_a_terminal_there_is_no_bar(node, slow):
    done = process(node.lab, node.name, "apply", node.spec, "--yes", before=slow)
    assert (done.code, "writing" in done.stderr, ERASE in done.stderr) == (0, False, False)
