from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Hop, Route
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.operations import interface_wait
from netplan.operations.interface_wait import NotReadyError, await_interface, await_next_hops, interface_lack
from netplan.spec.topology import AUTO
from tests import make
from tests.kernels.memory import MemoryKernel

NODE = make.node()


def state(*, up=True, address: str | None = "10.4.7.21/24", device="eth0"):
    """Make a state with one device besides the loopback, which always has an address."""
    pairs = [("lo", "127.0.0.1/8"), *([(device, address)] if address else [])]
    addresses = [LinkAddress(IfName(link), InterfaceAddress.parse(text)) for link, text in pairs]
    links = [Link(IfName("lo"), 65536, up=True), Link(IfName(device), 1500, up=up)]
    return make.snapshot().replace(Link, links).replace(LinkAddress, addresses)


@pytest.mark.parametrize(
    ("now", "lack"),
    [
        pytest.param(state(), None, id="all is there"),
        pytest.param(
            state(device="eth1", address="10.4.9.1/24"), "there is no interface eth0", id="the interface is not there"
        ),
        pytest.param(state(device="eth1"), None, id="it has another name: no matter of time"),
        pytest.param(state(device="eth1", up=False), "there is no interface eth0", id="it may still be renamed"),
        pytest.param(state(up=False), "the interface eth0 is down", id="it is down"),
        pytest.param(state(address=None), "the interface eth0 has no address", id="it has no address"),
        pytest.param(state(address="10.4.7.99/24"), None, id="it has another address: no matter of time"),
    ],
)
def test_what_an_interface_lacks_that_may_still_come(now, lack):
    assert interface_lack(NODE, now) == lack


@pytest.mark.parametrize(
    ("now", "lack"),
    [
        (state(device="ens3"), None),
        (state(device="ens3", up=False), "the interface ens3 is down"),
        (state(address=None), "no interface has the address 10.4.7.21"),
    ],
)
def test_an_interface_that_is_found_by_its_address_lacks_nothing_else(now, lack):
    assert interface_lack(replace(NODE, interface=AUTO), now) == lack


def test_an_address_of_the_node_s_on_another_device_is_enough():
    elsewhere = [LinkAddress(IfName("lo"), NODE.address)]
    assert interface_lack(NODE, state(address=None).replace(LinkAddress, elsewhere)) is None


def test_what_is_there_is_not_waited_for():
    said: list[str] = []
    await_interface(MemoryKernel(state()), NODE, said.append)
    assert said == []


def test_what_is_waited_for_is_said_once_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(interface_wait, "PATIENCE", 0.5)
    said: list[str] = []
    await_interface(MemoryKernel(state(up=False)), NODE, said.append)
    assert said == ["the interface eth0 is down: waiting up to 0 s for it"]


def test_every_next_hop_of_a_route_of_several_must_be_on_link():
    hops = {"eth0": "10.4.7.22", "eth1": "10.9.0.1"}.items()
    several = tuple(Hop(IfName(device), Address.parse(hop)) for device, hop in hops)
    before = make.snapshot("", Route(Prefix.parse("172.7.22.0/24"), hops=several))
    with pytest.raises(NotReadyError, match=r"can't be restored: there is no interface eth1 \(waited 0 s\)"):
        await_next_hops(MemoryKernel(state()), before, NODE.address.address, 0.0)
