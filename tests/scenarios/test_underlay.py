"""The lab is the underlay that the spec describes: its MTU, and the NAT before its nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests.lab.probe import address, socket_on
from tests.scenarios.racks import NODES, RACK_1, Racks, passes, spec_text

PUBLIC = {
    name: text.replace("}", f", mtu: 9000, public_address: 203.0.113.{number}}}")
    for number, (name, text) in enumerate(NODES.items(), 1)
    if name != "r2-n2"
}
JUMBO = spec_text("{type: vxlan}", PUBLIC)
TUNNEL = spec_text("{type: vxlan}")


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Racks]:
    """The racks with jumbo frames, each node behind an address of its own, with the tunnel."""
    topology = parse(JUMBO, "racks.yaml").topology
    with Lab.temporary(replace(topology, cluster=f"translated-{os.getpid()}"), pods=1) as lab:
        racks = Racks(lab, tmp_path_factory.mktemp("translated"))
        racks.apply(JUMBO, list(PUBLIC))
        yield racks


@pytest.mark.parametrize("peer", ["r2-n1", *[name for name in RACK_1 if name != "r1-n1"]])
def test_the_largest_packet_of_the_tunnel_passes_between_public_addresses(translated, peer):
    passed = [passes(translated.lab, "r1-n1-pod1", f"{peer}-pod1", size, timeout=0.5) for size in (8950, 8951)]
    assert passed == [True, False]


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


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Racks]:
    """Two racks before podnet has done anything, whose devices a test may spoil."""
    topology = parse(spec_text("{type: vxlan}"), "racks.yaml").topology
    with Lab.temporary(replace(topology, cluster=f"plain-{os.getpid()}"), pods=1) as lab:
        yield Racks(lab, tmp_path)


def auto(backend: str) -> str:
    """Write the spec of racks that leave all they can to their devices."""
    return spec_text(backend).replace("interface: eth0", "interface: auto, mtu: auto")


def test_what_the_devices_say_themselves_is_followed(plain):
    plain.shell("r1-n1", "ip link set eth0 mtu 1460")
    plain.apply(auto("{type: vxlan}"), ["r1-n1", "r2-n1"])
    passed = [passes(plain.lab, "r1-n1-pod1", "r2-n1-pod1", size, timeout=0.5) for size in (1410, 1411)]
    assert passed == [True, False]
    plain.shell("r1-n1", "ip link set eth0 down; ip link set eth0 name ens3; ip link set ens3 up mtu 1400")
    plain.shell("r1-n1", "ip route add default via 10.60.1.254")
    drift = plain.podnet("r1-n1", "drift", auto("{type: vxlan}"), "--format", "json")
    assert (drift.code, drift.fields) == (1, {"mtu": (1410, 1350)})
    assert plain.podnet("r1-n1", "drift", auto("{type: vxlan}"), "--fix").code == 0
    assert passes(plain.lab, "r1-n1-pod1", "r2-n1-pod1", 1350)


LISTENER = """
python3 -c 'import os, socket, time
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("", 8472))
if os.fork() == 0:
    os.closerange(0, 3)
    time.sleep(60)'
"""

UNFIT = {
    "an interface that carries less": (
        "ip link set eth0 mtu 1460",
        "write mtu: 1460 or mtu: auto for this node, or mtu: 1410 in backend",
    ),
    "a tunnel that has the port for itself": (
        "ip link add cilium_vxlan type vxlan external dstport 8472; ip link set cilium_vxlan up",
        "UDP port 8472 is taken by cilium_vxlan (Cilium's by its name): write port: 8473 in backend",
    ),
    "a program that has a socket on the port": (
        LISTENER,
        "stop it, or write port: 8473 in backend, for all nodes",
    ),
    "an interface with another name": (
        "ip link set eth0 down; ip link set eth0 name ens3; ip link set ens3 up",
        "there is no interface eth0 on this node: 10.60.1.11 is on ens3; write interface: ens3, or interface: auto",
    ),
    "an address on another interface": (
        "ip address del 10.60.1.11/24 dev eth0; ip address add 10.60.1.11/24 dev cni0",
        "eth0 does not hold the address of r1-n1: 10.60.1.11 is on cni0; write interface: cni0",
    ),
}


@pytest.mark.parametrize("devices", list(UNFIT))
def test_what_the_kernel_would_refuse_is_refused_before_with_the_line_to_write(plain, devices):
    script, line = UNFIT[devices]
    plain.shell("r1-n1", script)
    before = plain.state("r1-n1")
    applied = plain.podnet("r1-n1", "apply", TUNNEL, "--yes")
    assert (applied.code, line in applied.stderr, plain.state("r1-n1")) == (3, True, before)
    fixed = plain.podnet("r1-n1", "drift", TUNNEL, "--fix")
    assert (fixed.code, line in fixed.stderr) == (1, True)


@pytest.mark.parametrize("devices", [name for name in UNFIT if "the port" in name])
def test_a_port_that_was_taken_since_a_plan_was_saved_is_refused_before_anything_is_written(plain, tmp_path, devices):
    script, line = UNFIT[devices]
    plan = tmp_path / "plan.json"
    assert plain.podnet("r1-n1", "plan", TUNNEL, "--live", "--out", str(plan)).code == 0
    plain.shell("r1-n1", script)
    before = plain.state("r1-n1")
    applied = plain.apply_saved("r1-n1", plan)
    assert (applied.code, line in applied.stderr, plain.state("r1-n1")) == (3, True, before)
