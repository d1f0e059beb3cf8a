"""How a lab's hosts are doing, as `ip` prints it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from netplan.lab.layout import Host, HostKind
from netplan.lab.status import HostStatus, LinkStatus, read_status
from netplan.net import InterfaceAddress

HOST = Host("n1", HostKind.NODE, (InterfaceAddress.parse("10.4.7.21/24"),))
ETH0 = LinkStatus("eth0", up=True, running=True, addresses=("10.4.7.21/24",))


class Told:
    """A lab whose hosts' devices are told so."""

    def __init__(self, *hosts):
        self.lines = [json.dumps(devices) for devices in hosts]

    def run(self, host, argv):
        """Print a line for each host."""
        return subprocess.CompletedProcess(argv, 0, "\n".join(self.lines), "")


def device(name, *addresses, flags=("UP",), state="UP"):
    """Return a device as `ip -json address show` prints it."""
    listed = [{"local": address, "prefixlen": 24} for address in addresses]
    return {"ifname": name, "flags": [*flags], "operstate": state, "addr_info": listed}


def test_the_devices_of_a_host_are_read_without_its_loopback():
    lab: Any = Told([device("lo", "127.0.0.1"), device("eth0", "10.4.7.21"), device("p0", flags=(), state="DOWN")], [])
    missing = Host("n2", HostKind.NODE, ())
    assert read_status(lab, [HOST, missing]) == (
        HostStatus(HOST, (ETH0, LinkStatus("p0", up=False, running=False, addresses=()))),
        HostStatus(missing, ()),
    )


@pytest.mark.parametrize(
    ("links", "up"),
    [
        ((ETH0,), True),
        ((LinkStatus("eth0", up=False, running=False, addresses=("10.4.7.21/24",)),), False),
        ((LinkStatus("eth0", up=True, running=True, addresses=()),), False),
        ((), False),
    ],
    ids=["all is there", "the device is down", "the address is gone", "the namespace is gone"],
)
def test_a_host_is_up_that_has_all_its_addresses_on_devices_that_are_up(links, up):
    assert HostStatus(HOST, links).up is up
