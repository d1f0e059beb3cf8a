"""The command line: its verbs, and what becomes of an error."""

from __future__ import annotations

from importlib import import_module

import pytest

from netplan import __version__
from netplan.cli import main
from netplan.cli.main import VERBS
from netplan.errors import RefusedError


def test_the_version_is_printed(podnet):
    assert podnet("--version") == (0, f"podnet {__version__}\n", "")


def test_help_names_every_verb_in_the_order_of_a_day_s_work(podnet):
    _, out, _ = podnet("--help")
    lines = out[out.index("Commands") :].splitlines()
    assert [line.split()[0] for line in lines if line.split() and line.split()[0] in VERBS] == [*VERBS]


def test_every_verb_has_its_module():
    assert [import_module(f"netplan.cli.commands.{verb}").app for verb in VERBS]


def test_a_verb_that_there_is_not_is_a_mistake_of_the_command(podnet):
    code, _, err = podnet("aply")
    assert (code, "No such command 'aply'" in err) == (2, True)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RefusedError("no\x1b[2J"), 3, "podnet: no\\x1b[2J\n"),
        (ValueError("odd"), 3, None),
        (SystemExit(130), 130, "podnet: interrupted\n"),
        (SystemExit(None), 0, ""),
        (SystemExit("odd"), 3, None),
    ],
    ids=["an error of podnet's", "an unexpected one", "Ctrl-C", "an end", "an odd end"],
)
def test_every_end_is_an_exit_code_and_no_traceback(monkeypatch, podnet, error, code, said):
    def app():
        raise error

    monkeypatch.setattr(main, "app", app)
    ended, _, err = podnet()
    assert ended == code
    assert "Traceback" not in err
    assert said is None or err == said
