from __future__ import annotations

from netplan.net import Address
from netplan.trace.flow import NO_DEVICE
from netplan.trace.underlay import Receiver
from tests.trace.networks import NODE, POD, network
from tests.trace.states import packet


def test_a_node_receives_what_is_sent_to_its_address_by_its_device_on_that_network():
    nodes = network()
    flow = packet(POD["a"], POD["b"], iif=NO_DEVICE).flow
    ((_, receiver),) = nodes.underlay.onwards(nodes.hosts["a"], "eth0", Address.parse(NODE["b"]), flow)
    assert isinstance(receiver, Receiver)
    assert (receiver.host.name, receiver.device) == ("b", "eth0")
