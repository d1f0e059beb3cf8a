"""What podnet starts of itself runs no code of the current folder, however it is found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netplan.system import helpers, programs

pytestmark = pytest.mark.slow

HOSTILE = 'open("was-here", "w").close()\n'
NO_CODE_OF_THE_FOLDER = ["hashlib.py", "signal.py", "netplan.py", "msgspec.py", "iptc.py", "pyroute2.py"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, in which there is another user's module for each name that helpers import."""
    for name in NO_CODE_OF_THE_FOLDER:
        (tmp_path / name).write_text(HOSTILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ended(command, **environment):
    done = subprocess.run(
        command, env=os.environ | environment, input="[]", capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("python_path", ["", ":", ".:/nowhere"])
def test_the_guard_runs_no_code_of_the_current_folder(folder, monkeypatch, python_path):
    monkeypatch.setenv("PYTHONPATH", python_path)
    code = ended(helpers.command("guard", str(folder / "var"), "0" * 16), PYTHONPATH=helpers.import_path())
    assert (code, (folder / "was-here").exists()) == ((0, ""), False)


@pytest.mark.parametrize(
    ("name", "words", "python", "code"),
    [
        ("legacy-tables", ["4"], ("-I",), 0),
        ("enter", ["0", "", "true"], ("-I", "-S"), 125),
        ("assemble", [], ("-P",), 0),
    ],
)
def test_other_helpers_run_no_code_of_the_current_folder(folder, name, words, python, code):
    assert (ended(helpers.command(name, *words, python=python))[0], (folder / "was-here").exists()) == (code, False)


def test_a_build_in_one_file_starts_its_helpers_by_itself(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert helpers.command("guard", "/var/lib/podnet", "1f") == [
        sys.executable,
        *("internal", "guard", "/var/lib/podnet", "1f"),
    ]


@pytest.mark.parametrize(
    ("path", "folders"),
    [("", ""), (":", ""), (".:bin", ""), ("/opt/bin::./bin:/usr/local/bin", "/opt/bin:/usr/local/bin:")],
)
def test_no_program_is_looked_for_in_the_current_folder(monkeypatch, path, folders):
    monkeypatch.setenv("PATH", path)
    assert helpers.search_path() == f"{folders}/usr/sbin:/sbin:/usr/bin:/bin"


def test_no_program_is_looked_for_in_the_current_folder_without_a_path(monkeypatch):
    monkeypatch.delenv("PATH")
    assert helpers.search_path() == "/usr/sbin:/sbin:/usr/bin:/bin"


def test_a_program_of_the_current_folder_is_not_found(folder):
    (folder / "iptables").write_text("#!/bin/sh\n")
    (folder / "iptables").chmod(0o755)
    code = "from netplan.system import programs; print(programs.find('iptables'))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(programs.find("iptables"))
