"""Every write refused once, by the kernel or by the disk: the state is as before, and podnet says so."""

from __future__ import annotations

import time

import pytest

from netplan.kinds.chain import programs as iptables
from netplan.system import programs
from tests.scenarios.podnet import process
from tests.scenarios.strace import injected, points, spread
from tests.scenarios.tools import first_in_path, links, wrap


class Trial:
    """An apply on a node that podnet has not touched; each attempt starts from there."""

    def __init__(self, node, folder):
        self.node, self.words = node, ("apply", str(node.spec), "--yes")
        self.rewind()
        self.before = node.state()
        self.points = points(node, folder, *self.words)

    def rewind(self):
        self.node.reset()
        self.node.shell('echo 0 > /proc/sys/net/ipv4/ip_forward; rm -rf "$PODNET_VAR_DIR"')

    def refuse(self, point, error):
        """Have one system call refused; give the exit code, whether the state is as before, and what is left."""
        self.rewind()
        code = injected(self.node, point, f"error={error}", *self.words).code
        return code, self.node.state() == self.before, self.node.shell('ls "$PODNET_VAR_DIR"').split()


@pytest.fixture(scope="module")
def trial(nodes, tmp_path_factory):
    return Trial(nodes["hdss7-21"], tmp_path_factory.mktemp("trial"))


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("error", ["EPERM", "ENOBUFS"])
def test_write_that_the_kernel_refuses_is_undone(trial, error):
    refused = [trial.refuse(point, error) for point in trial.points if point.changes_the_kernel]
    assert refused == [(4, True, ["lock"])] * 2  # the route, and forwarding


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_table_that_iptables_refuses_is_undone(node, tmp_path, moment, number):
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    before = node.state()
    iptables = f"iptables-{node.backend}"
    links(tmp_path, {iptables: iptables})
    count = f"echo >> {tmp_path}/calls; [ $(wc -l < {tmp_path}/calls) != {number} ] || "
    wrap(tmp_path, f"{iptables}-restore", **{moment: [count + ("exit 1" if moment == "before" else "code=1")]})
    done = process(node.lab, node.name, "apply", node.spec, "--yes", before=first_in_path(tmp_path))
    assert (done.code, node.state(), node.shell('ls "$PODNET_VAR_DIR"').split()) == (4, before, ["lock"])


def test_table_that_iptables_refuses_is_left_out_of_a_fix(node, tmp_path):
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    iptables = f"iptables-{node.backend}"
    links(tmp_path, {iptables: iptables})
    payload = tmp_path / "payload"
    kept = [f"cat > {payload}", f"! grep -qF '*filter' {payload} || exit 1", f"exec < {payload}"]
    wrap(tmp_path, f"{iptables}-restore", before=kept)
    done = process(node.lab, node.name, "drift", node.spec, "--fix", before=first_in_path(tmp_path))
    left = node.drift()
    assert (done.code, done.stderr.count("iptables refused")) == (1, 1)
    assert {change.split()[2] for change in left.changes} == {"filter"}


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("most", [6, pytest.param(1000, marks=pytest.mark.soak)])
def test_file_that_the_disk_refuses_leaves_the_state_before_or_after(trial, most):
    """Refused with 3 or 4 the state is as before; applied with 0 it is not, and whatever is left is recovered."""
    on_disk = [point for point in trial.points if point.call in ("fsync", "rename", "link", "mkdir")]
    for point in spread(on_disk, min(most, len(on_disk))):
        code, as_before, _ = trial.refuse(point, "ENOSPC")
        assert (point, code, as_before) == (point, code, code != 0)
        assert (trial.node.podnet("recover").code, trial.node.state() == trial.before) == (0, as_before)


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize(("end", "said"), [("kill -9 $$", "was killed by SIGKILL"), ("exec sleep 99", "did not end")])
def test_a_table_whose_change_is_killed_or_hangs_is_undone_with_the_cause(node, tmp_path, monkeypatch, end, said):
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    before = node.state()
    links(tmp_path, {"iptables-nft": "iptables-nft"})
    wrap(tmp_path, "iptables-nft-restore", before=[end])
    monkeypatch.setattr(programs, "SEARCH_PATH", f"{tmp_path}:{programs.SEARCH_PATH}")
    monkeypatch.setattr(iptables, "RESTORE_SECONDS", 1.0)
    start = time.monotonic()
    done = node.patched("apply", node.spec, "--yes")
    assert (done.code, node.state(), said in done.stderr) == (4, before, True), done.stderr
    assert time.monotonic() - start < 20
