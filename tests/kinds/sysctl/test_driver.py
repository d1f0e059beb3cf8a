from __future__ import annotations

import pytest

from netplan.errors import KernelError
from netplan.kinds.resource import Change
from netplan.kinds.sysctl import driver
from netplan.kinds.sysctl.value import Sysctl
from tests import make

ACCEPT_RA = "net.ipv6.conf.podnet/1.accept_ra"


def test_in_a_kernel_without_ipv6_its_parameters_read_as_0(tmp_path, monkeypatch):
    (tmp_path / "net/ipv4").mkdir(parents=True)
    monkeypatch.setattr(driver, "_ROOT", tmp_path)
    assert [*driver.observe([ACCEPT_RA, "net.ipv4.none"])] == [Sysctl(ACCEPT_RA, "0")]


def test_a_parameter_of_a_device_that_is_not_there_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "net/ipv6/conf").mkdir(parents=True)
    monkeypatch.setattr(driver, "_ROOT", tmp_path)
    assert [*driver.observe([ACCEPT_RA])] == []


def test_in_a_kernel_without_ipv6_its_parameters_are_0_without_being_written(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "_ROOT", tmp_path)
    driver.write([Change(None, Sysctl(ACCEPT_RA, "0"), make.WHY)])
    with pytest.raises(KernelError, match="accept_ra = 2"):
        driver.write([Change(None, Sysctl(ACCEPT_RA, "2"), make.WHY)])
