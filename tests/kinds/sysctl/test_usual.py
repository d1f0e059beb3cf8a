"""The parameters that a record holds whether the spec sets them or not."""

from __future__ import annotations

from netplan.kinds.sysctl.usual import usual
from netplan.kinds.sysctl.value import is_name


def test_the_parameters_of_a_device_stand_beside_those_of_all_devices():
    names = usual(["eth0"])
    assert {f"net.ipv4.conf.{device}.rp_filter" for device in ("all", "default", "eth0")} <= names
    assert "net.ipv4.ip_forward" in names


def test_a_dot_in_the_name_of_a_device_is_a_slash_in_that_of_a_parameter():
    assert "net.ipv4.conf.eth0/100.rp_filter" in usual(["eth0.100"])


def test_a_device_whose_name_fits_into_no_parameter_is_left_out():
    assert usual(["a b", "caf\udce9"]) == usual([])


def test_every_name_is_one_that_a_spec_could_set():
    assert [name for name in usual(["eth0.100"]) if not is_name(name)] == []
