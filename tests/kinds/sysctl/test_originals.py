from __future__ import annotations

import itertools

import pytest

from netplan.kinds.resource import Change
from netplan.kinds.sysctl.originals import Overwritten, remember
from netplan.kinds.sysctl.value import Sysctl
from tests import make

NAME = "net.ipv4.conf.all.rp_filter"
FORWARD = "net.ipv4.ip_forward"
REDIRECTS = "net.ipv4.conf.all.accept_redirects"
OF_ETH0 = "net.ipv4.conf.eth0.forwarding"


def set_to(name, *values, known=()):
    """Remember a parameter that podnet sets to one value after the other, from the first on."""
    for before, after in itertools.pairwise(values):
        known = remember(known, [change(name, after)], [Sysctl(name, before)])
    return known


def change(name, after):
    return Change(None, Sysctl(name, after), make.WHY)


def test_the_value_before_is_that_of_the_first_write():
    assert set_to(NAME, "0", "2", "1") == (Overwritten(NAME, "0", "1"),)


def test_what_is_as_it_was_is_forgotten():
    assert set_to(NAME, "0", "2", "0") == ()


def test_what_another_program_set_meanwhile_is_the_value_before():
    known = set_to(NAME, "0", "2")
    assert set_to(NAME, "1", "2", known=known) == (Overwritten(NAME, "1", "2"),)


def test_a_parameter_that_came_with_a_device_of_podnets_is_not_remembered():
    assert remember((), [change("net.ipv6.conf.podnet/1.accept_ra", "0")], []) == ()


def test_with_forwarding_what_would_not_come_back_with_it_is_remembered():
    before = [Sysctl(FORWARD, "0"), Sysctl(REDIRECTS, "0"), Sysctl(OF_ETH0, "1")]
    assert set(remember((), [change(FORWARD, "1")], before)) == {
        Overwritten(FORWARD, "0", "1"),
        Overwritten(REDIRECTS, "0", "0"),
        Overwritten(OF_ETH0, "1", "1"),
    }


def test_what_comes_back_with_forwarding_is_not_remembered():
    before = [Sysctl(FORWARD, "0"), Sysctl(REDIRECTS, "1"), Sysctl(OF_ETH0, "0")]
    assert remember((), [change(FORWARD, "1")], before) == (Overwritten(FORWARD, "0", "1"),)


def test_it_is_read_back():
    original = Overwritten(NAME, "0", "2")
    assert Overwritten.from_json(original.to_json()) == original


def test_a_name_that_leads_elsewhere_is_not_read():
    with pytest.raises(ValueError, match="is not the name of a sysctl"):
        Overwritten.from_json({"name": "kernel.core_pattern", "before": "", "written": ""})
