"""Tunnels, both families, saved plans, several routes of a key, reboots: recover brings the state before or after."""

from __future__ import annotations

import random

import pytest

from tests.scenarios.racks import CLUSTERS, IPV6
from tests.scenarios.racks_sweep import CONFIRM, NODE, STORIES, Host, Scene, pending, sweep

KILL, REFUSE, FULL = "signal=SIGKILL", "error=EPERM", "error=ENOSPC"
ON_DISK = ("fsync", "rename", "link", "mkdir")
SEED = 12

SOAK = pytest.mark.soak
ONE_CLUSTER = pytest.mark.parametrize("cluster", ["vxlan, dual stack, nft"])
ALL_CLUSTERS = pytest.mark.parametrize("cluster", [name for name in CLUSTERS if CLUSTERS[name].families != IPV6])
ALL_STORIES = pytest.mark.parametrize("story", list(STORIES))


@pytest.fixture
def host(racks_lab, cluster, tmp_path):
    node = Host(racks_lab, CLUSTERS[cluster], tmp_path)
    yield node
    node.fresh()


@pytest.fixture
def scene(host, story):
    return Scene.of(host, STORIES[story])


def sample(points, count):
    return random.Random(SEED).sample(points, count)


def refusable(scene):
    return [point for point in scene.points if point.changes_the_kernel]


def left_as_before(host):
    """Reboot a node that waits for a confirm; return the codes of recover, and of drift from the state before."""
    pending(host)
    host.reboot()
    path = host.file("before.yaml", host.cluster.spec)
    return [host.podnet(*words).code for words in (["recover"], ["drift", path, "--node", NODE])]


@ONE_CLUSTER
@pytest.mark.parametrize(("story", "reboot"), [(story, number % 2 == 0) for number, story in enumerate(STORIES)])
def test_run_that_is_killed_is_before_or_after_also_once_the_node_rebooted(scene, reboot):
    assert sweep(scene, sample(scene.telling(), 1), KILL, reboot=reboot) == []


@ONE_CLUSTER
@pytest.mark.parametrize("story", ["apply of a saved plan", "drift --fix beside two more routes of a key"])
def test_write_that_is_refused_leaves_the_state_before_or_after(scene):
    assert sweep(scene, sample(refusable(scene), 2), REFUSE) == []


@ONE_CLUSTER
def test_state_that_waits_for_its_confirm_is_not_kept_by_a_reboot(host):
    assert left_as_before(host) == [0, 0]


@SOAK
@pytest.mark.parametrize("reboot", [False, True], ids=["killed", "killed and rebooted"])
@ALL_CLUSTERS
@ALL_STORIES
def test_run_that_is_killed_at_any_write_is_before_or_after(scene, reboot):
    assert sweep(scene, scene.writes(), KILL, reboot=reboot) == []


@SOAK
@ALL_CLUSTERS
@ALL_STORIES
def test_any_write_that_is_refused_leaves_the_state_before_or_after_it(scene):
    disk = [point for point in scene.points if point.call in ON_DISK]
    assert sweep(scene, refusable(scene), REFUSE) + sweep(scene, disk, FULL) == []


@SOAK
@ALL_CLUSTERS
def test_confirm_that_is_cut_off_at_any_write_by_a_reboot_is_given_or_not(host):
    scene = Scene.of(host, CONFIRM)
    assert sweep(scene, scene.writes(), KILL, reboot=True) == []


@SOAK
@ALL_CLUSTERS
def test_state_that_waits_for_its_confirm_on_any_cluster_is_not_kept_by_a_reboot(host):
    assert left_as_before(host) == [0, 0]
