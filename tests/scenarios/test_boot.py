"""At boot podnet is started when the network may not be up yet: apply waits for its interface, and is done once."""

from __future__ import annotations

import pytest

from netplan.operations import interface_wait

ONCE = pytest.mark.parametrize("backend", ["nft"], indirect=True)

LATER = "{{ sleep 1; {0}; ip route replace default via 10.4.7.254; }} >&- 2>&- &"
LATE = [
    pytest.param("ip link set eth0 down", "ip link set eth0 up", "the interface eth0 is down", id="down"),
    pytest.param(
        "ip link set eth0 down; ip link set eth0 name later",
        "ip link set later name eth0; ip link set eth0 up",
        "there is no interface eth0",
        id="missing",
    ),
    pytest.param(
        "ip address flush dev eth0",
        "ip address add 10.4.7.21/24 dev eth0",
        "the interface eth0 has no address",
        id="without an address",
    ),
]


@pytest.fixture
def readdress(node):
    """Return the node's interface another address, until the end of the test."""
    swap = "ip address flush dev eth0; ip address add {} dev eth0; ip route replace default via 10.4.7.254"
    yield lambda address: node.shell(swap.format(address))
    node.shell(swap.format("10.4.7.21/24"))


@ONCE
@pytest.mark.parametrize(("down", "back", "said"), LATE)
def test_apply_waits_for_its_interface(node, down, back, said):
    node.shell(f"{down}; {LATER.format(back)}")
    done = node.apply()
    assert (done.code, f"{said}: waiting up to 30 s for it" in done.stderr) == (0, True)
    assert node.drift().code == 0


@ONCE
def test_interface_with_another_address_is_refused_without_waiting(node, readdress):
    readdress("10.4.7.99/24")
    done = node.apply()
    assert (done.code, "waiting" in done.stderr) == (3, False)
    assert "10.4.7.21, the address of hdss7-21, is on no interface of this machine" in done.stderr


@ONCE
def test_interface_that_does_not_come_is_not_waited_for_without_end(node, tmp_path, monkeypatch):
    monkeypatch.setattr(interface_wait, "PATIENCE", 0.5)
    path = tmp_path / "hdss7.yaml"
    path.write_text(node.spec.read_text().replace("interface: eth0", "interface: eth9"))
    before = node.state()
    done = node.patched("apply", path, "--yes")
    assert (done.code, node.state()) == (3, before)
    assert "there is no interface eth9 on this node: 10.4.7.21 is on eth0; write interface: eth0" in done.stderr


def test_second_apply_finds_nothing_to_do(node):
    node.apply()
    before = node.state()
    done = node.apply()
    assert (done.code, done.stdout, node.state()) == (0, "No changes. hdss7-21: in sync.\n", before)
