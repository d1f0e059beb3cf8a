from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from netplan.errors import UsageError
from tests.lab.inside import inside
from tests.lab.probe import socket_on

NET_NAMESPACE = Path("/proc/self/ns/net")


def test_result_comes_back(lab):
    assert inside(lab, "n1", divmod, 7, 2) == (3, 1)


def test_function_is_on_the_host(lab):
    devices = inside(lab, "n1-pod1", socket.if_nameindex)
    assert [name for _, name in devices] == ["lo", "eth0"]


def test_hostname_is_the_host_s(lab):
    assert inside(lab, "n2", socket.gethostname) == "n2"


def test_function_may_be_local(lab):
    number = 5
    assert inside(lab, "n1", lambda: number + 1) == 6


def test_exception_comes_back(lab):
    with pytest.raises(KeyError, match="nothing"):
        inside(lab, "n1", {"something": 1}.__getitem__, "nothing")


def test_exception_says_where_it_was_raised(lab):
    with pytest.raises(ZeroDivisionError) as caught:
        inside(lab, "n1", divmod, 1, 0)
    assert "in _report" in "".join(caught.value.__notes__)


def test_unknown_host_is_refused(lab):
    with pytest.raises(UsageError, match="no host n9"):
        inside(lab, "n9", os.getpid)


def test_programs_can_be_run(lab):
    done = inside(lab, "n1", subprocess.run, ["ip", "-brief", "link", "show", "eth0"], capture_output=True, text=True)
    assert done.stdout.startswith("eth0@")


def test_working_directory_is_kept(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert inside(lab, "n1", os.getcwd) == str(tmp_path)


def test_nothing_of_the_caller_changes(lab):
    before = NET_NAMESPACE.readlink(), os.environ.copy()
    inside(lab, "n1", os.environ.clear)
    assert (NET_NAMESPACE.readlink(), os.environ.copy()) == before


def test_socket_stays_on_its_host(lab):
    with socket_on(lab, "n1-pod1") as server:
        server.bind(("172.7.1.2", 0))
        assert server.getsockname()[0] == "172.7.1.2"
