"""The lab is the underlay that the spec describes: its MTU, and the NAT before its nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests.lab.probe import address, socket_on
from tests.netns.racks import NODES, RACK_1, Racks, passes, spec_text

PUBLIC = {
    name: text.replace("}", f", mtu: 9000, public_address: 203.0.113.{number}}}")
    for number, (name, text) in enumerate(NODES.items(), 1)
    if name != "r2-n2"
}
JUMBO = spec_text("{type: vxlan}", PUBLIC)


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Racks]:
    """The racks with jumbo frames, each node behind an address of its own, with the tunnel."""
    topology = parse(JUMBO, "racks.yaml").topology
    with Lab.temporary(replace(topology, cluster=f"translated-{os.getpid()}"), pods=1) as made:
        racks = Racks(made, tmp_path_factory.mktemp("translated"))
        racks.apply(JUMBO, list(PUBLIC))
        yield racks


@pytest.mark.parametrize("peer", ["r2-n1", *[name for name in RACK_1 if name != "r1-n1"]])
def test_the_largest_packet_of_the_tunnel_passes_between_public_addresses(translated, peer):
    found = [passes(translated.lab, "r1-n1-pod1", f"{peer}-pod1", size, timeout=0.5) for size in (8950, 8951)]
    assert found == [True, False]


@pytest.mark.parametrize(("client", "own"), [("r2-n1", "203.0.113.3"), ("r1-n2", "203.0.113.2"), ("outside", None)])
def test_a_node_is_reached_by_its_public_address_and_is_known_by_it(translated, client, own):
    ends = (socket_on(translated.lab, host) for host in ("r1-n1", client))
    with closing(next(ends)) as listener, closing(next(ends)) as caller:
        listener.bind((address(translated.lab, "r1-n1"), 0))
        listener.listen()
        caller.settimeout(2)
        caller.connect(("203.0.113.1", listener.getsockname()[1]))
        connection, peer = listener.accept()
        connection.close()
    assert peer[0] == (own or address(translated.lab, client))
