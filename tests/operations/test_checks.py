from __future__ import annotations

import os
import shlex
import socket
import threading
import time
from pathlib import Path

import pytest

from netplan.desired.checks import Check, Command, Connect, Ping, PingGateway
from netplan.errors import Location
from netplan.net import Address
from netplan.operations.checks import run, working
from netplan.system import helpers, programs

AT = Location("specs/c.yaml", 30, 5)
LOCALHOST = Address.parse("127.0.0.1")


def failures(*what, within=1, gateway=None):
    return list(run([Check(check, within, AT) for check in what], gateway))


def shell(script):
    return Command(("sh", "-c", script))


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server):
    return server.getsockname()[1]


def test_nothing_to_check_fails_nothing():
    assert failures() == []


def test_a_connection_that_comes_about_is_no_failure(listener):
    assert failures(Connect(LOCALHOST, port_of(listener))) == []


def test_a_connection_that_is_refused_is_told_with_its_place():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = port_of(server)
    assert failures(Connect(LOCALHOST, port)) == [
        f"check tcp 127.0.0.1:{port}: connection refused within 1 s  specs/c.yaml:30"
    ]


def test_a_connection_may_come_about_late():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        opened = threading.Timer(0.6, server.listen)
        opened.start()
        assert failures(Connect(LOCALHOST, port_of(server)), within=20) == []
        opened.join()


def test_a_command_that_ends_well_is_no_failure():
    assert failures(Command(("true",))) == []


def test_of_checks_those_that_succeed_are_told():
    checks = [Check(Command((name,)), 1, AT) for name in ("true", "false", "true")]
    assert working(checks, None) == (checks[0], checks[2])


def test_a_command_is_tried_until_it_succeeds(tmp_path):
    count = tmp_path / "count"
    assert failures(shell(f"echo x >> {count}; test $(wc -l < {count}) -ge 3"), within=20) == []


def test_a_command_has_nothing_in_its_environment_that_podnet_set_for_itself(monkeypatch):
    monkeypatch.setenv(*helpers.WITHOUT_PLUGINS)
    monkeypatch.setenv("USERS_OWN", "1")
    (failure,) = failures(shell('echo "$USERS_OWN${PYDANTIC_DISABLE_PLUGINS-}"; false'))
    assert failure.endswith("exit code 1 within 1 s: 1  specs/c.yaml:30")


def test_a_command_that_fails_is_told_with_its_exit_code_and_what_it_said():
    assert failures(shell("echo first; echo second >&2; exit 7")) == [
        "check command sh -c echo first; echo second >&2; exit 7: exit code 7 within 1 s: first second  specs/c.yaml:30"
    ]


def test_a_command_that_was_killed_is_told_by_what():
    (text,) = failures(shell("kill -TERM $$"))
    assert "ended by SIGTERM within 1 s" in text


def test_a_command_that_is_not_there_is_told():
    (text,) = failures(Command(("/no/such/program",)))
    assert "it could not be started within 1 s: no such file or directory" in text


def test_no_shell_reads_a_command(tmp_path):
    assert failures(Command(("touch", f"{tmp_path}/a; touch {tmp_path}/b"))) != []
    assert list(tmp_path.iterdir()) == []


def test_what_a_command_says_does_not_act_on_the_terminal():
    (text,) = failures(shell(r"printf '\033[2J\n\377\n'; exit 1"))
    assert text.isprintable()
    assert r"\x1b[2J" in text


def test_what_a_command_says_is_told_to_its_last_few_words():
    (text,) = failures(shell("head -c 300000 /dev/zero | tr '\\0' a; echo; echo the end; exit 1"), within=3)
    assert text.endswith("a the end  specs/c.yaml:30")
    assert len(text) < 700


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path):
    pids = tmp_path / "pids"
    (text,) = failures(shell(f"sleep 600 & echo $! $$ > {pids}; wait"))
    assert "it did not end within 1 s" in text
    assert not any(_runs(int(pid)) for pid in pids.read_text().split())


def _runs(pid):
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except OSError:
            return False
        time.sleep(0.02)
    return True


def test_an_attempt_that_is_cut_short_does_not_hide_why_those_before_it_failed(tmp_path):
    script = f"test -e {tmp_path}/second && sleep 600; touch {tmp_path}/second; exit 7"
    (text,) = failures(shell(script), within=2)
    assert "exit code 7 within 2 s" in text


def test_what_a_command_leaves_in_the_background_is_not_waited_for(tmp_path):
    pid = tmp_path / "pid"
    assert failures(shell(f"sleep 600 & echo $! > {pid}"), within=30) == []
    os.kill(int(pid.read_text()), 9)


def test_a_command_gets_no_input():
    assert failures(Command(("sh", "-c", "! read line"))) == []


def test_a_node_without_a_default_route_fails_a_ping_of_the_gateway():
    assert failures(PingGateway()) == ["check ping gateway: this node has no default route within 1 s  specs/c.yaml:30"]


def test_every_failure_is_told_in_the_order_of_the_checks():
    checks = [
        Check(Command((name,)), 1, Location("c.yaml", line, 1))
        for line, name in enumerate(["false", "true", "false"], 1)
    ]
    assert [text[-8:] for text in run(checks, None)] == ["c.yaml:1", "c.yaml:3"]


def test_checks_of_one_line_run_side_by_side(tmp_path):
    """Each of two waits for the other's file: one after the other they would fail."""
    left, right = (shlex.quote(str(tmp_path / name)) for name in ("left", "right"))
    script = "touch {}; while ! test -e {}; do sleep 0.01; done"
    assert failures(shell(script.format(left, right)), shell(script.format(right, left)), within=20) == []


def test_once_many_have_failed_the_rest_of_the_line_is_not_tried():
    texts = failures(*[Command(("false",))] * 70)
    assert texts[-1] == "6 more checks of this line were not tried  specs/c.yaml:30"
    assert len(texts) == 65


PINGED = Ping(Address.parse("10.4.7.22"), "b")


@pytest.fixture
def ping(tmp_path, monkeypatch):
    """Make a program ping of a script; podnet looks for programs there first."""
    monkeypatch.setattr(programs, "SEARCH_PATH", f"{tmp_path}:{programs.SEARCH_PATH}")

    def make(script):
        (tmp_path / "ping").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "ping").chmod(0o755)

    return make


def test_the_program_is_asked_for_one_answer_without_names(ping):
    ping('test "$*" = "-n -c1 -W1 10.4.7.22"')
    assert failures(PINGED) == []


@pytest.mark.parametrize("script", ["exit 1", "sleep 600"])
def test_a_program_that_gets_no_answer_is_a_failure(ping, script):
    ping(f"exec {script}")
    assert failures(PINGED) == ["check ping 10.4.7.22 (peer b): no answer within 1 s  specs/c.yaml:30"]


def test_the_gateway_that_is_pinged_is_the_next_hop_of_the_default_route(ping):
    ping('test "$4" = 10.4.7.254')
    assert failures(PingGateway(), gateway=Address.parse("10.4.7.254")) == []


def may_ping():
    """Whether net.ipv4.ping_group_range lets this process ping through a socket (icmp(7))."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
    return any(low <= group <= high for group in (os.getegid(), *os.getgroups()))


def test_without_the_program_a_socket_is_used_where_the_kernel_lets_this_group_have_one(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "SEARCH_PATH", str(tmp_path))
    without = "no program ping to do it (apt-get install iputils-ping), nor an ICMP socket for this group,"
    refused = f"check ping 127.0.0.1 (peer b): {without} within 1 s  specs/c.yaml:30"
    assert failures(Ping(LOCALHOST, "b")) == ([] if may_ping() else [refused])


def test_a_connection_that_gets_no_answer_is_told():
    """Of a full queue of connections that wait to be accepted the kernel drops the next (listen(2))."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.create_connection(server.getsockname()):
        assert failures(Connect(LOCALHOST, port_of(server))) == [
            f"check tcp 127.0.0.1:{port_of(server)}: no answer within 1 s  specs/c.yaml:30"
        ]


def test_a_peer_is_named():
    assert str(Check(Ping(LOCALHOST, "b"), 1, AT)) == "check ping 127.0.0.1 (peer b)"
