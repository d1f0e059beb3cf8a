"""An apply of 65,536 routes that is interrupted or killed at any stage leaves nothing of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.scratch import in_scratch

NODES = 65_536
PODNET = [sys.executable, "-m", "netplan"]
SPEC = """
version: 1
cluster: big
network: 10.0.0.0/8
backend: {type: host-gw}
firewall: {backend: nft}
nodes:
"""
GROUND = """
ip link add eth0 type veth peer name switch
ip link set switch up
ip link set eth0 up
ip link set lo up
ip address add 172.16.0.1/12 dev eth0
ip link add docker0 type bridge
ip link set docker0 up
ip address add 10.0.0.1/24 dev docker0
ip route add 198.51.100.0/24 via 172.16.0.2
ip nexthop add id 7 via 172.16.0.3 dev eth0
iptables-nft -t nat -A POSTROUTING -s 10.0.0.0/24 ! -o docker0 -j MASQUERADE
"""
STAGES = {"next hops": ("nexthop", 20_000), "routes": ("route", 20_000)}


@pytest.fixture
def spec(tmp_path):
    """A spec that fills a /8 with nodes of a /24 each."""
    path = tmp_path / "big.yaml"
    numbers = ((number >> 8, number & 255) for number in range(NODES))
    nodes = (
        f"  n{high}-{low}: {{address: 172.{16 + high // 16}.{high % 16 * 16 + low // 16}.{low % 16 * 15 + 1}/12, "
        f"subnet: 10.{high}.{low}.0/24}}"
        for high, low in numbers
    )
    path.write_text("\n".join([SPEC.strip(), *nodes, ""]))
    return path


def ended(spec, stage, number):
    """Send a signal to an apply at a stage; give its exit code, what recover said, and the states before and after."""
    os.environ |= {"PODNET_VAR_DIR": str(spec.parent / "var"), "XTABLES_LOCKFILE": str(spec.parent / "lock")}
    subprocess.run(["sh", "-ec", GROUND], check=True)
    before = state()
    with subprocess.Popen(
        [*PODNET, "apply", str(spec), "--node", "n0-0", "--yes"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as applying:
        while applying.poll() is None and ours(stage) < STAGES[stage][1]:
            time.sleep(0.02)
        applying.send_signal(number)
        _, stderr = applying.communicate(timeout=120)
    if number == signal.SIGKILL:
        subprocess.run([*PODNET, "recover"], check=True, stdout=subprocess.DEVNULL)
    return applying.returncode, stderr.decode(), before, state()


def ours(stage):
    """Count the objects of podnet's that a stage makes."""
    shown = subprocess.run(["ip", STAGES[stage][0], "show", "proto", "112"], capture_output=True, check=False)
    return shown.stdout.count(b"\n")


def state():
    """Return the routes, the next hops and the rules of the namespace."""
    return [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in (["ip", "route"], ["ip", "nexthop"], ["iptables-nft", "-t", "nat", "-S"])
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_among_65_536_routes_brings_the_state_before_back(spec, stage):
    code, stderr, before, after = in_scratch(ended, spec, stage, signal.SIGINT)
    assert (code, after) == (4, before)
    assert stderr.startswith("podnet: interrupted by SIGINT\n")


@pytest.mark.parametrize("stage", STAGES)
def test_recover_leaves_nothing_of_a_run_that_was_killed_among_65_536_routes(spec, stage):
    code, _, before, after = in_scratch(ended, spec, stage, signal.SIGKILL)
    assert (code, after) == (-signal.SIGKILL, before)
