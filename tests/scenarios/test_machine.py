"""What podnet needs of the machine that it runs on, and what it says when it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.node import SPEC
from tests.scenarios.podnet import process
from tests.scenarios.tools import as_default, real

ONCE = pytest.mark.parametrize("backend", ["nft"], indirect=True)
LIVE = [["plan", "--live"], ["apply", "--yes"], ["drift"], ["drift", "--fix"], ["remove", "--yes"]]
UNPRIVILEGED = ["setpriv", "--inh-caps=-net_admin", "--bounding-set=-net_admin"]
WITHOUT = 'mount --bind "$0" "$1"; shift; exec "$@"'


def without(program: str, empty: Path) -> list[str]:
    """Return the command that starts another where a program is an empty file."""
    empty.touch()
    return ["unshare", "--mount", "sh", "-ec", WITHOUT, str(empty), str(Path(real(program)).resolve())]


@ONCE
@pytest.mark.parametrize("words", LIVE, ids=" ".join)
def test_live_verb_without_privilege_is_refused(node, words):
    done = process(node.lab, node.name, words[0], node.spec, *words[1:], before=UNPRIVILEGED)
    assert (done.code, "needs root (CAP_NET_ADMIN)" in done.stderr) == (3, True)


@ONCE
def test_without_privilege_nothing_is_said_of_what_can_t_be_read_for_that(node, tmp_path):
    (tmp_path / "sysctls.json").mkdir()
    done = process(node.lab, node.name, "drift", node.spec, "--var-dir", tmp_path, before=UNPRIVILEGED)
    assert (done.code, "sysctls.json" in done.stderr) == (3, False)


@ONCE
def test_capture_without_privilege_is_refused(node):
    assert process(node.lab, node.name, "capture", before=UNPRIVILEGED).code == 3


@ONCE
def test_plan_from_records_needs_no_privilege(node, tmp_path):
    done = process(node.lab, node.name, "plan", node.spec, "--state", tmp_path, before=UNPRIVILEGED)
    assert done.code == 0


@ONCE
def test_without_iptables_it_is_refused_with_the_package_s_name(node, tmp_path):
    done = process(node.lab, node.name, "drift", SPEC, before=without("iptables", tmp_path / "empty"))
    assert (done.code, "apt-get install iptables" in done.stderr) == (3, True)


@pytest.mark.parametrize("backend", ["legacy"], indirect=True)
def test_without_the_backend_that_the_spec_names_it_is_refused(node, tmp_path):
    done = process(node.lab, node.name, "drift", node.spec, before=without("iptables-legacy", tmp_path / "empty"))
    assert (done.code, "iptables-legacy not found" in done.stderr) == (3, True)


def test_auto_writes_to_the_backend_of_the_node_s_iptables(node, tmp_path):
    process(node.lab, node.name, "apply", SPEC, "--yes", before=as_default(tmp_path, node.backend))
    assert node.drift().code == 0


def test_auto_says_which_backend_it_is(node, tmp_path):
    done = process(node.lab, node.name, "plan", SPEC, "--live", before=as_default(tmp_path, node.backend))
    assert f"hdss7-21   live, iptables-{node.backend}" in done.stdout


@pytest.mark.parametrize("backend", ["legacy"], indirect=True)
def test_lock_that_another_iptables_holds_is_waited_for(node):
    node.shell("flock /run/xtables.lock sleep 0.5 >/dev/null 2>&1 & sleep 0.1")
    assert node.apply().code == 0


@pytest.fixture
def held_lock(node):
    """The lock of legacy iptables, which another program does not give back."""
    pid = node.shell("flock --no-fork /run/xtables.lock sleep infinity >/dev/null 2>&1 & echo $!; sleep 0.1").strip()
    yield
    node.shell(f"kill {pid}")


@pytest.mark.parametrize("backend", ["legacy"], indirect=True)
def test_lock_that_is_not_given_back_fails_the_apply_in_a_bounded_time(node, held_lock):
    before = node.state()
    done = node.apply()
    assert (done.code, "xtables lock" in done.stderr, node.state()) == (4, True, before)
