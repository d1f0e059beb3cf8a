"""What is dangerous in a plan is refused, and done when an option allows it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.inside import inside
from tests.scenarios.podnet import process

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

LET_IN = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"


@pytest.fixture
def guarded(node, tmp_path):
    """A node that lets in nothing but SSH, and whose spec takes that rule away."""
    node.iptables("-F INPUT")
    node.iptables(LET_IN)
    node.iptables("-P INPUT DROP")
    path = tmp_path / "hdss7.yaml"
    path.write_text(
        node.spec.read_text().replace("  remove:\n", f'  remove:\n    - {{table: filter, rule: "{LET_IN}"}}\n')
    )
    yield node, path
    node.iptables("-P INPUT ACCEPT")


def over_ssh(client="10.4.7.22"):
    """Return the command that starts another in an SSH session from a client."""
    return ["env", f"SSH_CONNECTION={client} 50000 10.4.7.21 22"]


def apply(guarded, *options, before=()):
    node, spec = guarded
    return process(node.lab, node.name, "apply", spec, "--yes", *options, before=[*before, "env"])


def test_plan_that_would_shut_the_session_out_is_refused(guarded):
    done = apply(guarded, before=over_ssh())
    assert (done.code, "--allow-session" in done.stderr) == (3, True)


def test_refusal_says_which_rule_the_session_needs(guarded):
    assert "rule filter INPUT 1: -p tcp -m tcp --dport 22 -j ACCEPT" in apply(guarded, before=over_ssh()).stderr


def test_refused_plan_changes_nothing(guarded):
    node, _ = guarded
    before = node.state()
    apply(guarded, before=over_ssh())
    assert node.state() == before


def test_session_behind_sudo_is_found(guarded):
    sudo = ["sh", "-c", 'env -u SSH_CONNECTION "$@"; exit $?', "sh"]
    assert apply(guarded, before=[*over_ssh(), *sudo]).code == 3


@pytest.mark.parametrize(
    "start",
    [
        pytest.param([], id="no user is logged in"),
        pytest.param(["env", "SSH_CONNECTION=10.4.7.22 50000 198.51.100.9 22"], id="to another network namespace"),
        pytest.param(["env", "SSH_CONNECTION=fd00::1 50000 fd00::21 22"], id="over IPv6"),
    ],
)
def test_plan_that_touches_no_session_is_applied(guarded, start):
    assert apply(guarded, before=start).code == 0


def test_connection_that_is_not_understood_is_refused(guarded):
    done = apply(guarded, before=["env", "SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535"])
    assert (done.code, "it is unknown what becomes of your SSH session" in done.stderr) == (3, True)


def test_plan_warns_of_the_session(guarded):
    node, spec = guarded
    done = process(node.lab, node.name, "plan", spec, "--live", before=over_ssh())
    assert (done.code, "warning: packets of your SSH session from 10.4.7.22" in done.stdout) == (0, True)


def test_fix_refuses_it_too(guarded):
    node, spec = guarded
    assert process(node.lab, node.name, "drift", spec, "--fix", before=over_ssh()).code == 3


def test_saved_plan_refuses_it_too(guarded, tmp_path):
    node, spec = guarded
    node.podnet("plan", spec, "--live", "--out", tmp_path / "plan.json")
    assert process(node.lab, node.name, "apply", tmp_path / "plan.json", "--yes", before=over_ssh()).code == 3


def serve(path: Path, go: Path) -> str:
    """On the node: take in one connection and tell its SSH_CONNECTION; give what comes once something may."""
    with socket.create_server(("10.4.7.21", 22)) as server:
        server.settimeout(60)
        connection, (client, port) = server.accept()
        with connection:
            _tell(path, f"{client} {port} 10.4.7.21 22")
            _wait(go)
            connection.settimeout(4)
            try:
                return connection.recv(100).decode()
            except TimeoutError:
                return "silence"


def call(path: Path) -> None:
    """On the peer: connect to the node, and say hello once that is wanted."""
    for _ in range(1000):
        try:
            connection = socket.create_connection(("10.4.7.21", 22), timeout=20)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    with connection:
        _wait(path)
        connection.sendall(b"hello")
        time.sleep(4)


def _tell(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def _wait(path: Path) -> str:
    for _ in range(1200):
        if path.exists():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path.name} was never written")


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        pytest.param([], (3, "hello"), id="refused: the session lives"),
        pytest.param(["--allow-session"], (0, "silence"), id="allowed: the session is cut"),
    ],
)
def test_real_connection_fares_as_the_plan_was_said_to(guarded, tmp_path, options, outcome):
    node, _ = guarded
    with ThreadPoolExecutor() as pool:
        heard = pool.submit(inside, node.lab, node.name, serve, tmp_path / "connection", tmp_path / "go")
        pool.submit(inside, node.lab, "hdss7-22", call, tmp_path / "go")
        connection = _wait(tmp_path / "connection")
        code = apply(guarded, *options, before=["env", f"SSH_CONNECTION={connection}"]).code
        _tell(tmp_path / "go", "")
        assert (code, heard.result()) == outcome


def test_stale_routes_beyond_a_third_are_refused(applied):
    applied.shell("for n in 91 92 93; do ip route add 172.7.$n.0/24 via 10.4.7.22 proto 112; done")
    done = applied.apply()
    assert (done.code, "--allow-many-deletes: 3 of podnet's 4 routes would go" in done.stderr) == (3, True)
    assert applied.podnet("apply", applied.spec, "--yes", "--allow-many-deletes").code == 0


@pytest.fixture
def first(node):
    """A node on which podnet has applied once."""
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    assert node.apply().code == 0
    return node


def test_rollback_that_would_take_many_routes_away_is_refused(first):
    first.shell("for n in 91 92 93; do ip route add 172.7.$n.0/24 via 10.4.7.22 proto 112; done")
    done = first.podnet("rollback", "--yes")
    assert (done.code, "--allow-many-deletes: 4 of podnet's 4 routes would go" in done.stderr) == (3, True)
    assert first.podnet("rollback", "--yes", "--allow-many-deletes").code == 0


def test_rollback_that_would_take_the_session_s_route_away_is_refused(first):
    from_a_pod = over_ssh("172.7.22.2")
    done = process(first.lab, first.name, "rollback", "--yes", before=from_a_pod)
    assert (done.code, "answers of your SSH session from 172.7.22.2 would" in done.stderr) == (3, True), done.stderr
    assert process(first.lab, first.name, "rollback", "--yes", "--allow-session", before=from_a_pod).code == 0


def test_remove_takes_all_routes_without_a_flag(applied):
    applied.shell("for n in 91 92 93; do ip route add 172.7.$n.0/24 via 10.4.7.22 proto 112; done")
    assert applied.remove().code == 0


def test_default_route_of_ours_is_not_taken_away_unasked(applied):
    applied.shell("ip route add default via 10.4.7.254 metric 7 proto 112")
    assert [applied.apply().code, applied.remove().code, applied.drift("--fix").code] == [3, 3, 3]
    assert applied.podnet("remove", applied.spec, "--yes", "--allow-default-route").code == 0


def test_next_hop_that_is_not_on_link_is_refused(node, tmp_path):
    path = tmp_path / "hdss7.yaml"
    path.write_text(node.spec.read_text().replace("interface: eth0", "interface: docker0"))
    done = node.podnet("apply", path, "--yes")
    assert (done.code, "--allow-off-link: a route would lead to a next hop that is not on-link" in done.stderr) == (
        3,
        True,
    )


def test_all_dangers_are_named_at_once(applied):
    applied.shell("for n in 91 92 93; do ip route add 172.7.$n.0/24 via 10.4.7.22 proto 112; done")
    applied.shell("ip route add default via 10.4.7.254 metric 7 proto 112")
    assert "use --allow-default-route --allow-many-deletes." in applied.apply().stderr


def test_flag_without_fix_is_a_mistake(applied):
    assert applied.drift("--allow-session").code == 2
