from __future__ import annotations

import os

import pytest

from netplan.errors import UsageError
from tests.lab import resident


def test_result_comes_back(lab):
    assert resident.call(lab, "n1", divmod, 7, 2) == (3, 1)


def test_exception_comes_back_and_says_where_it_was_raised(lab):
    with pytest.raises(ZeroDivisionError) as caught:
        resident.call(lab, "n1", divmod, 1, 0)
    assert "in _answer" in "".join(caught.value.__notes__)


def test_unknown_host_is_refused(lab):
    with pytest.raises(UsageError, match="no host n9"):
        resident.call(lab, "n9", os.getpid)


def test_each_host_has_a_resident_of_its_own(lab):
    assert [resident.shell(lab, host, "uname -n") for host in ("n1", "n2", "n1")] == ["n1\n", "n2\n", "n1\n"]


def test_script_says_what_went_wrong(lab):
    with pytest.raises(AssertionError, match="exit code 3: of course"):
        resident.shell(lab, "n1", "echo of course >&2; exit 3")


def test_program_gets_its_text(lab):
    done = resident.program(lab, "n1", ["sh", "-c", "cat; exit 4"], "text")
    assert (done.returncode, done.stdout) == (4, "text")


def test_working_directory_and_environment_are_those_of_the_test(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLOUR", "blue")
    assert resident.shell(lab, "n1", 'echo "$PWD $COLOUR $PODNET_VAR_DIR"') == f"{tmp_path} blue /run/podnet/var/n1\n"


def test_a_call_leaves_nothing_to_the_next(lab):
    own = resident.shell(lab, "n1", "umask")
    resident.call(lab, "n1", os.umask, 0o777)
    assert resident.shell(lab, "n1", "umask") == own
