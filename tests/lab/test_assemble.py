"""What is said where the kernel refuses a part of a lab."""

from __future__ import annotations

import subprocess

import pytest
from msgspec import json

from netplan.lab.build import AddAddress, Device, Setup
from netplan.lab.layout import FLOOR
from netplan.system import helpers

pytestmark = pytest.mark.kernel

_AS_A_LAB = """
mount -t tmpfs tmpfs /run
echo "$1" > /proc/sys/user/max_net_namespaces
shift
exec "$@"
"""
_NAMESPACES = ["unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--mount-proc"]


def complaint(setup: Setup, *, namespaces: int = 10) -> tuple[int, str]:
    """Carry out a setup where there may be so many network namespaces; the exit code, and what is said."""
    argv = [*_NAMESPACES, "sh", "-ec", _AS_A_LAB, "sh", str(namespaces), *helpers.command("assemble")]
    done = subprocess.run(argv, input=json.encode([setup]), capture_output=True, check=False)
    return done.returncode, done.stderr.decode()


def test_too_many_network_namespaces_are_told_with_the_setting_that_allows_more():
    advice = "allow more with sysctl -w user.max_net_namespaces=NUMBER"
    expected = f"switches: network namespace n1: No space left on device; {advice}\n"
    assert complaint(Setup(FLOOR, (), (), ("n1",)), namespaces=1) == (1, expected)


def test_a_sysctl_that_the_kernel_refuses_is_named():
    setup = Setup(FLOOR, ("net/ipv4/ip_forward=often",), ())
    assert complaint(setup) == (1, "switches: sysctl net/ipv4/ip_forward=often: Invalid argument\n")


def test_of_several_refused_steps_the_first_is_named():
    lost = [AddAddress(Device(index, f"eth{index}"), "10.4.7.1", 24) for index in (7, 8)]
    expected = "switches: ip address add 10.4.7.1/24 dev eth7: No such device"
    code, complained = complaint(Setup(FLOOR, (), tuple(lost)))
    assert (code, complained.startswith(expected)) == (1, True)
