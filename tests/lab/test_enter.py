"""A command on a host of a lab: what it sees, and that its caller notices no difference."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netplan.errors import RefusedError
from netplan.lab import Lab
from netplan.lab.enter import CANNOT_ENTER, CANNOT_RUN, NOT_FOUND
from tests.lab.topologies import node, topology

TRAP = 'trap "echo caught; exit 42" {signal}; echo ready; while :; do sleep 0.05; done'


def started(lab: Lab, script: str) -> subprocess.Popen[str]:
    """Start a shell script on n1 that prints a line when it is ready, and read that line."""
    process = lab.popen("n1", ["sh", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    return process


def test_exit_code_is_the_command_s(lab):
    assert lab.run("n1", ["sh", "-c", "exit 7"], check=False).returncode == 7


def test_death_by_a_signal_is_the_command_s(lab):
    assert lab.run("n1", ["sh", "-c", "kill -SEGV $$"], check=False).returncode == -signal.SIGSEGV


def test_failure_of_a_checked_command_names_the_host_and_the_command(lab):
    with pytest.raises(RefusedError, match=r"^n1: sh -c echo no >&2; exit 3: exit code 3: no$"):
        lab.run("n1", ["sh", "-c", "echo no >&2; exit 3"])


def test_command_that_does_not_end_is_stopped(lab):
    with pytest.raises(RefusedError, match=r"n1: sleep 60: did not end within 0\.2 s"):
        lab.run("n1", ["sleep", "60"], timeout=0.2)


def test_input_reaches_the_command(lab):
    assert lab.run("n1", ["cat"], text="hello").stdout == "hello"


def test_hostname_is_the_host_s(lab):
    assert lab.run("n1-pod2", ["uname", "-n"]).stdout == "n1-pod2\n"


def test_hostname_outside_stays(lab):
    before = os.uname().nodename
    lab.run("n1-pod2", ["true"])
    assert os.uname().nodename == before


def test_devices_in_sys_are_the_host_s(lab):
    assert lab.run("n1", ["ls", "/sys/class/net"]).stdout.split() == ["docker0", "eth0", "lo", "pod1", "pod2"]


def test_devices_in_sys_can_be_read(lab):
    assert lab.run("n1", ["cat", "/sys/class/net/eth0/address"]).stdout == "02:00:0a:04:07:01\n"


def test_devices_in_proc_are_the_host_s(lab):
    assert "docker0:" in lab.run("n1", ["cat", "/proc/self/net/dev"]).stdout


def test_control_groups_stay_in_sys(lab):
    groups = sorted(path.name for path in Path("/sys/fs/cgroup").iterdir())
    assert lab.run("n1", ["ls", "/sys/fs/cgroup"]).stdout.split() == groups


def test_processes_are_the_lab_s(lab):
    assert lab.run("n1", ["sh", "-c", "echo $(cat /proc/1/cmdline | tr '\\0' ' ')"]).stdout.endswith(
        f"podnet-lab {lab.cluster}\n"
    )


def test_run_folder_is_the_lab_s(lab):
    assert "lab.json" in lab.run("n1", ["ls", "/run/podnet"]).stdout.split()


def test_working_directory_is_kept(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lab.run("n1", ["pwd"]).stdout == f"{tmp_path}\n"


def test_working_directory_that_is_gone_becomes_the_root(lab, tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert lab.run("n1", ["pwd"]).stdout == "/\n"


def test_environment_is_kept(lab, monkeypatch):
    monkeypatch.setenv("SOME_SETTING", "as outside")
    assert lab.run("n1", ["printenv", "SOME_SETTING"]).stdout == "as outside\n"


def test_administration_programs_are_found_without_a_path_to_them(lab, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert lab.run("n1", ["ip", "-V"]).stdout.startswith("ip utility")


def test_each_host_has_a_folder_of_its_own_for_podnet_s_files(lab):
    assert lab.run("n2", ["printenv", "PODNET_VAR_DIR"]).stdout == "/run/podnet/var/n2\n"


def test_mount_on_one_host_is_on_the_others(make_lab):
    lab = make_lab(topology(node()))
    lab.run("n1", ["ip", "netns", "add", "made-on-n1"])
    assert lab.run("n1-pod1", ["ip", "netns", "exec", "made-on-n1", "echo", "there"]).stdout == "there\n"


def test_terminal_is_passed_on(lab):
    outer, inner = os.openpty()
    process = lab.popen("n1", ["tty", "-s"], stdin=inner)
    code = process.wait()
    os.close(outer)
    os.close(inner)
    assert code == 0


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "USR1"])
def test_signal_to_the_caller_s_process_is_the_command_s(lab, name):
    process = started(lab, TRAP.format(signal=name))
    process.send_signal(signal.Signals[f"SIG{name}"])
    assert process.communicate(timeout=5)[0] == "caught\n"


def test_ctrl_c_is_the_command_s_to_answer(lab):
    outer, inner = os.openpty()
    script = TRAP.format(signal="INT")
    argv = ["setsid", "--ctty", "--wait", *lab.command("n1", ["sh", "-c", script])]
    process = subprocess.Popen(argv, stdin=inner, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    os.write(outer, b"\x03")
    process.communicate(timeout=5)
    os.close(outer)
    os.close(inner)
    assert process.returncode == 42


def test_killed_caller_takes_the_command_along(lab):
    def runs():
        return "1234.5" in lab.run("n1", ["sh", "-c", "cat /proc/[0-9]*/cmdline"], check=False).stdout

    process = started(lab, "echo ready; exec sleep 1234.5")
    before = runs()
    process.kill()
    process.communicate(timeout=5)
    time.sleep(0.1)
    assert (before, runs()) == (True, False)


def zombies(lab: Lab) -> str:
    """Leave an orphan behind on n1, which then ends, and give the states of the lab's processes that are zombies."""
    lab.run("n1", ["sh", "-c", "sleep 0.01 & exec true"])
    time.sleep(0.1)
    return lab.run("n1", ["sh", "-c", "grep -h ') Z ' /proc/[0-9]*/stat || true"]).stdout


def test_orphans_leave_no_zombies(make_lab):
    assert zombies(make_lab(topology(node()))) == ""


def test_orphans_leave_no_zombies_in_a_lab_that_is_kept():
    lab = Lab.up(topology(node()))
    left_zombies = zombies(lab)
    lab.down()
    assert left_zombies == ""


def test_unknown_command_is_reported_as_a_shell_does(lab):
    done = lab.run("n1", ["no-such-command"], check=False)
    assert (done.returncode, done.stderr) == (NOT_FOUND, "podnet lab: no-such-command: command not found\n")


def test_file_that_is_no_program_is_reported_as_a_shell_does(lab):
    assert lab.run("n1", ["/etc/passwd"], check=False).returncode == CANNOT_RUN


def test_lab_that_is_gone_cannot_be_entered(make_lab):
    lab = make_lab(topology(node()))
    lab.down()
    assert lab.run("n1", ["true"], check=False).returncode == CANNOT_ENTER


def test_signals_that_python_ignores_are_not_ignored_by_the_command(lab):
    script = "import signal; print(signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL)"
    shell = f"grep SigIgn /proc/self/status; : {script!r}"
    ignored = lab.run("n1", ["sh", "-c", shell]).stdout.split()[1]
    assert int(ignored, 16) & 1 << (signal.SIGPIPE - 1) == 0


def test_interpreter_of_the_test_runs_on_a_host(lab):
    assert lab.run("n1", [sys.executable, "-c", "import os; print(os.uname().nodename)"]).stdout == "n1\n"
