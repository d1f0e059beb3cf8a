"""podnet beside a real docker: whatever it does, pods keep their addresses, or drift says why they don't."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.lab.probe import source_seen
from tests.scenarios.node import SPEC
from tests.scenarios.podnet import podnet
from tests.scenarios.real.docker import started, without_removal

RESTARTS = 3


def apply(lab):
    for node in ("hdss7-21", "hdss7-22"):
        done = podnet(lab, node, "apply", SPEC, "--yes")
        assert done.code == 0, done.stderr


def drop_in_docker_user(lab, node, pod):
    lab.run(node, ["iptables", "-I", "DOCKER-USER", "-s", pod, "-j", "DROP"])


def source(lab):
    """Return the address under which a pod of the docker node comes to a pod of the other one."""
    return source_seen(lab, "hdss7-21-pod1", "hdss7-22-pod1")


def chains_of_docker(lab):
    saved = lab.run("hdss7-21", ["iptables-save"]).stdout
    return re.findall(r"^(?::DOCKER\S*|-A DOCKER.*|-A \S+ .*-j DOCKER\S*)", saved, re.MULTILINE)


def network():
    """Return the devices, routes and rules of the machine itself."""
    commands = ["ip -br link", "ip -br address", "ip route show table all", "nft list ruleset"]
    return [subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout for command in commands]


def processes(docker):
    """Return the machine's processes of a docker, and its control groups."""
    every = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    groups = Path("/sys/fs/cgroup").glob(f"**/{docker.cgroup}*")
    return [line for line in every if str(docker.folder) in line] + list(map(str, groups))


@pytest.fixture
def keeping(tmp_path):
    """The story's spec, but docker's rule may stay."""
    return without_removal(tmp_path)


def test_a_pod_hides_behind_its_node_where_docker_has_started(lab, docker):
    lab.run("hdss7-21", ["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    lab.run("hdss7-22", ["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    assert source(lab) == "10.4.7.21"


def test_a_pod_keeps_its_address_after_apply(lab, docker):
    apply(lab)
    assert source(lab) == "172.7.21.2"


def test_drift_names_dockers_rule_after_every_restart(lab, docker):
    apply(lab)
    for _ in range(RESTARTS):
        docker.restart()
        assert podnet(lab, "hdss7-21", "drift", SPEC, "--format", "json").changes == ["delete rule nat POSTROUTING 1"]
        assert podnet(lab, "hdss7-21", "drift", SPEC, "--fix").code == 0


def test_a_pod_keeps_its_address_when_every_restart_is_mended(lab, docker):
    apply(lab)
    for _ in range(RESTARTS):
        docker.restart()
        podnet(lab, "hdss7-21", "drift", SPEC, "--fix")
        assert source(lab) == "172.7.21.2"


def test_where_dockers_rule_may_stay_drift_says_that_it_has_overtaken_our_jump(lab, docker, keeping):
    for node in ("hdss7-21", "hdss7-22"):
        podnet(lab, node, "apply", keeping, "--yes")
    docker.restart()
    drift = podnet(lab, "hdss7-21", "drift", keeping)
    assert "now: nat POSTROUTING 1, docker's MASQUERADE" in drift.stdout


def test_where_dockers_rule_may_stay_a_fix_moves_our_jump_before_it(lab, docker, keeping):
    for node in ("hdss7-21", "hdss7-22"):
        podnet(lab, node, "apply", keeping, "--yes")
    docker.restart()
    podnet(lab, "hdss7-21", "drift", keeping, "--fix")
    assert source(lab) == "172.7.21.2"


def test_a_published_port_is_reached_from_outside(lab, docker):
    docker.publish()
    apply(lab)
    done = lab.run("outside", ["bash", "-c", "exec 3<>/dev/tcp/10.4.7.21/8080"], check=False)
    assert done.returncode == 0


def test_dockers_chains_are_as_docker_made_them(lab, docker):
    docker.publish()
    before = chains_of_docker(lab)
    apply(lab)
    assert chains_of_docker(lab) == before


def test_a_container_that_comes_after_apply_is_no_drift(lab, docker):
    apply(lab)
    docker.publish()
    assert podnet(lab, "hdss7-21", "drift", SPEC).code == 0


def test_a_policy_of_docker_user_stays_in_force(lab, docker):
    apply(lab)
    drop_in_docker_user(lab, "hdss7-21", "172.7.21.2")
    with pytest.raises(OSError, match="timed out"):
        source(lab)


def test_a_docker_with_a_container_leaves_the_machines_own_network_alone(lab, tmp_path):
    before = network()
    with started(lab, tmp_path) as docker:
        docker.publish()
        assert network() == before


def test_of_a_docker_that_has_ended_no_process_and_no_control_group_is_left(lab, tmp_path):
    with started(lab, tmp_path) as docker:
        docker.publish()
        running = processes(docker)
    assert (running != [], processes(docker)) == (True, [])
