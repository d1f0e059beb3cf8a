from __future__ import annotations

import pytest

from netplan.kinds.sysctl.value import EACH, Sysctl, spelled_out


def test_a_parameter_is_written_as_sysctl_prints_it():
    assert str(Sysctl("net.ipv4.ip_forward", "1")) == "net.ipv4.ip_forward = 1"


def test_no_parameter_is_ours():
    assert not Sysctl("net.ipv4.ip_forward", "1").ours


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("net.ipv4.conf.eth0/100.rp_filter", "eth0.100"),
        ("net.ipv6.conf.podnet/1.accept_ra", "podnet.1"),
        ("net.ipv4.neigh.eth0.gc_stale_time", "eth0"),
        ("net.ipv4.conf.all.rp_filter", None),
        ("net.ipv4.conf.default.rp_filter", None),
        ("net.ipv4.ip_forward", None),
        ("net.netfilter.nf_conntrack_max", None),
    ],
)
def test_a_parameter_knows_the_device_that_it_goes_with(name, device):
    assert Sysctl(name, "1").device == device


@pytest.mark.parametrize("name", ["net.ipv4.ip_forward", "net.ipv4.conf.eth0/100.rp_filter"])
def test_a_parameter_is_read_back_from_its_json(name):
    assert Sysctl.from_json(Sysctl(name, "1").to_json()) == Sysctl(name, "1")


@pytest.mark.parametrize(
    "name",
    ["", "net", "kernel.core_pattern", ".etc.passwd", "net.//.//.etc.passwd", "net..x", "net.x/", "net.a b", "net.a\n"],
)
def test_a_name_that_leads_out_of_the_networks_parameters_is_refused(name):
    with pytest.raises(ValueError, match="is not the name of a sysctl of the network"):
        Sysctl.from_json({"name": name, "value": "1"})


def test_a_parameter_of_each_device_is_spelled_out_for_those_there_are():
    names = ["net.ipv4.ip_forward", f"net.ipv4.conf.{EACH}.rp_filter"]
    assert list(spelled_out(names, ["eth0", "eth0.100"])) == [
        "net.ipv4.ip_forward",
        "net.ipv4.conf.eth0.rp_filter",
        "net.ipv4.conf.eth0/100.rp_filter",
    ]
