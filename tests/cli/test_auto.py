"""What is said of an interface that a spec leaves to the node, where the node is not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.kinds.link.value import Link
from netplan.store import records
from tests import make
from tests.spec.factory import spec_text

TEXT = spec_text(backend="{type: vxlan}", defaults="{interface: auto, mtu: auto}")
ASSUMED = "podnet: mtu: auto: 1500 is assumed for {}: no kernel or record is at hand\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a spec that leaves the interfaces to the nodes."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(TEXT)
    return tmp_path


def test_compile_says_whose_interface_is_meant_and_what_is_assumed(podnet):
    code, out, err = podnet("compile", "c.yaml", "--node", "a")
    assert (code, err) == (0, ASSUMED.format("node a"))
    assert "podnet.1 mtu 1450 up 0e:2a:0a:04:07:15 vxlan id 1 local 10.4.7.21 dev (that of 10.4.7.21)" in out


def test_a_move_between_specs_says_what_is_assumed(podnet):
    assert podnet("plan", "c.yaml", "--against", "c.yaml")[2] == ASSUMED.format("nodes a and b")


def test_where_no_tunnel_depends_on_the_mtu_nothing_is_said(podnet):
    Path("c.yaml").write_text(TEXT.replace("vxlan", "host-gw"))
    assert podnet("compile", "c.yaml")[2] == ""


def test_a_record_says_what_the_interface_carries(podnet, folder):
    state = make.snapshot()
    links = [replace(link, mtu=1460) if link.name == "eth0" else link for link in state.all(Link)]
    path = records.path_of(folder / "state", "c", "a")
    path.parent.mkdir(parents=True)
    path.write_text(records.render(state.replace(Link, links), "a", "c"))
    code, out, err = podnet("plan", "c.yaml", "--node", "a")
    assert (code, err) == (0, "")
    assert "podnet.1 mtu 1410 up 0e:2a:0a:04:07:15 vxlan id 1 local 10.4.7.21 dev eth0" in out
