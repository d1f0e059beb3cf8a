"""A lab's life: up, found, looked at, down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

import pytest

from netplan.errors import UsageError
from netplan.lab import HostKind, Lab
from netplan.lab.holder import find
from tests.lab.probe import address, pings
from tests.lab.topologies import node, topology, two_nodes

ROOT = Path(__file__).parents[2]
SLOW_UP = """
import sys, time
from netplan.lab import Lab
from tests.lab.topologies import node, topology
def stop_here(done, total):
    print("building", flush=True)
    time.sleep(60)
Lab.up(topology(node(), cluster=sys.argv[1]), progress=stop_here)
"""


def start_building(cluster: str) -> subprocess.Popen[str]:
    """Start a process that builds a lab and is in the midst of it."""
    argv = [sys.executable, "-c", SLOW_UP, cluster]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    assert process.stdout.readline() == "building\n"
    return process


def namespaces_of(process: str) -> set[str]:
    """The namespaces of a process, of those that may be looked at."""
    try:
        return {str(path.readlink()) for path in Path(f"/proc/{process}/ns").iterdir()}
    except OSError:
        return set()


@contextmanager
def namespaces_held(lab: Lab) -> Iterator[set[str]]:
    """The namespaces of a lab, kept open: the number of one that ended may be another's at once."""
    process = Path(f"/proc/{lab.holder.pid}")
    with ExitStack() as stack:
        paths = chain((process / "ns").iterdir(), (process / "root/run/netns").iterdir())
        files = [stack.enter_context(path.open("rb")) for path in paths]
        yield {str(Path(f"/proc/self/fd/{file.fileno()}").readlink()) for file in files}


def namespaces_in_use() -> set[str]:
    return set().union(*(namespaces_of(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()))


def wait_until_gone(cluster: str) -> bool:
    deadline = time.monotonic() + 5
    while find(cluster) and time.monotonic() < deadline:
        time.sleep(0.01)
    return find(cluster) is None


def test_lab_has_the_hosts_of_its_layout(lab):
    kinds = [host.kind for host in lab.hosts]
    assert [kinds.count(kind) for kind in HostKind] == [3, 6, 1, 1]


def test_lab_is_found_by_the_name_of_its_cluster(lab):
    assert Lab.find(lab.cluster) == lab


def test_lab_keeps_the_path_of_its_spec():
    with Lab.temporary(topology(node()), spec="specs/hdss7.yaml") as lab:
        assert Lab.find(lab.cluster).spec == "specs/hdss7.yaml"


def test_lab_that_is_not_up_is_not_found():
    with pytest.raises(UsageError, match="lab nowhere is not up: start it with podnet lab up"):
        Lab.find("nowhere")


def test_second_up_is_refused(lab):
    with pytest.raises(UsageError, match=f"{lab.cluster} is up already: .* end it with podnet lab down"):
        Lab.up(topology(node(), cluster=lab.cluster))


def test_second_up_is_told_the_spec_of_the_first():
    refusal = r"made from specs/hdss7\.yaml: .* podnet lab down specs/hdss7\.yaml$"
    with Lab.temporary(topology(node()), spec="specs/hdss7.yaml") as lab, pytest.raises(UsageError, match=refusal):
        Lab.up(topology(node(), cluster=lab.cluster))


def test_refused_second_up_leaves_the_first_alone(lab):
    with pytest.raises(UsageError):
        Lab.up(topology(node(), cluster=lab.cluster))
    assert pings(lab, "n1", address(lab, "n2"))


def test_number_of_pods_is_as_asked_for():
    with Lab.temporary(topology(node()), pods=3) as lab:
        pods = [host.name for host in lab.hosts if host.kind is HostKind.POD]
    assert pods == ["n1-pod1", "n1-pod2", "n1-pod3"]


def test_unknown_host_is_refused_with_the_nearest_name(lab):
    with pytest.raises(UsageError, match=r"has no host n1-pud1; did you mean n1-pod1\?; it has n1, n1-pod1, "):
        lab.command("n1-pud1", ["true"])


def test_status_shows_every_host_up(lab):
    assert [(status.host, status.up) for status in lab.status()] == [(host, True) for host in lab.hosts]


def test_status_shows_a_host_down_whose_interface_is_down(make_lab):
    lab = make_lab(two_nodes())
    lab.run("n1", ["ip", "link", "set", "eth0", "down"])
    assert [status.host.name for status in lab.status() if not status.up] == ["n1"]


def test_status_shows_a_host_down_whose_address_is_gone(make_lab):
    lab = make_lab(two_nodes())
    lab.run("n2", ["ip", "address", "flush", "dev", "docker0"])
    assert [status.host.name for status in lab.status() if not status.up] == ["n2"]


def test_status_shows_a_host_down_whose_namespace_is_gone(make_lab):
    lab = make_lab(two_nodes())
    lab.run("n1", ["ip", "netns", "delete", "n1-pod2"])
    assert [status.host.name for status in lab.status() if not status.up] == ["n1-pod2"]


def test_up_changes_no_mount_outside(make_lab):
    before = Path("/proc/self/mountinfo").read_text()
    make_lab(two_nodes())
    assert Path("/proc/self/mountinfo").read_text() == before


def test_up_names_no_namespace_outside(make_lab):
    make_lab(topology(node("only-in-a-lab")))
    assert not Path("/run/netns/only-in-a-lab").exists()


def test_lab_outlives_the_process_that_built_it():
    cluster = topology(node()).cluster
    code = "import sys; from netplan.lab import Lab; from tests.lab.topologies import *; "
    build = [sys.executable, "-c", f"{code} Lab.up(topology(node(), cluster=sys.argv[1]))", cluster]
    subprocess.run(build, cwd=ROOT, check=True)
    lab = Lab.find(cluster)
    answered = pings(lab, "n1", address(lab, "n1-pod1"))
    lab.down()
    assert answered


def test_temporary_lab_is_gone_after_its_block():
    with Lab.temporary(topology(node())) as lab:
        pass
    assert find(lab.cluster) is None


def test_down_leaves_no_process_in_any_namespace_of_the_lab(make_lab):
    lab = make_lab(two_nodes())
    with namespaces_held(lab) as used_namespaces:
        with lab.popen("n1-pod1", ["sleep", "60"]):
            lab.down()
        assert not (used_namespaces - namespaces_of("self")) & namespaces_in_use()


def test_down_leaves_no_lab_to_find(make_lab):
    lab = make_lab(two_nodes())
    lab.down()
    assert find(lab.cluster) is None


def test_down_of_a_lab_that_is_down_does_nothing(make_lab):
    lab = make_lab(two_nodes())
    lab.down()
    lab.down()


def test_down_leaves_namespaces_of_the_same_names_alone(make_lab):
    mine, other = make_lab(two_nodes()), make_lab(two_nodes())
    mine.down()
    assert pings(other, "n1", address(other, "n2"))


def test_labs_side_by_side_do_not_meet(make_lab):
    one, other = make_lab(topology(node())), make_lab(two_nodes())
    assert not pings(one, "n1", address(other, "n2"), timeout=0.3)


def test_background_process_ends_with_the_lab(make_lab):
    lab = make_lab(topology(node()))
    with lab.popen("n1", ["sh", "-c", "echo ready; sleep 60"], stdout=subprocess.PIPE) as server:
        assert server.stdout
        server.stdout.readline()
        lab.down()
    assert server.returncode == -signal.SIGKILL


def test_up_after_a_crash_works(make_lab):
    crashed = make_lab(two_nodes())
    os.kill(crashed.holder.pid, signal.SIGKILL)
    wait_until_gone(crashed.cluster)
    again = make_lab(topology(node(), cluster=crashed.cluster))
    assert pings(again, "n1", address(again, "n1-pod1"))


def test_up_that_fails_leaves_nothing():
    cluster = topology(node())

    def fail(done: int, total: int) -> None:
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        Lab.up(cluster, progress=fail)
    assert find(cluster.cluster) is None


@pytest.mark.kernel
def test_up_that_is_interrupted_leaves_nothing():
    cluster = topology(node()).cluster
    with start_building(cluster) as process:
        process.send_signal(signal.SIGINT)
    assert find(cluster) is None


@pytest.mark.kernel
def test_up_that_is_killed_leaves_nothing():
    cluster = topology(node()).cluster
    with start_building(cluster) as process:
        process.kill()
    assert wait_until_gone(cluster)


def test_lab_that_is_being_built_is_not_given_away():
    cluster = topology(node()).cluster
    with start_building(cluster) as process:
        with pytest.raises(UsageError, match="not ready"):
            Lab.find(cluster)
        process.kill()


def test_lab_stands_in_a_lab(lab):
    code = "from netplan.lab import Lab; from tests.lab.topologies import *; print(len(Lab.up(two_nodes()).hosts))"
    done = subprocess.run(
        lab.command("outside", [sys.executable, "-c", code]), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "8\n"
