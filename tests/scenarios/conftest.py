from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse, read
from tests.scenarios.node import SPEC, Image, Node
from tests.scenarios.racks import BOTH, Racks, spec_text
from tests.scenarios.racks import nodes as rack_nodes

_serial = itertools.count(1)


@pytest.fixture(scope="session", params=["nft", "legacy"])
def backend(request: pytest.FixtureRequest) -> str:
    """The packet filter that the programs of the cluster's nodes use."""
    return str(request.param)


@pytest.fixture(scope="session")
def lab(backend: str) -> Iterator[Lab]:
    """The cluster of the story, whose router has the static routes of the tutorials."""
    topology = replace(read(SPEC).topology, cluster=f"netns-{os.getpid()}-{next(_serial)}")
    built = Lab.up(topology, spec=str(SPEC))
    for number in ("21", "22"):
        built.run("router", ["ip", "route", "add", f"172.7.{number}.0/24", "via", f"10.4.7.{number}"])
    yield built
    built.down()


@pytest.fixture(scope="session")
def spec(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spec of the story, with the backend named."""
    path = tmp_path_factory.mktemp(backend) / "hdss7.yaml"
    path.write_text(SPEC.read_text().replace("firewall:\n", f"firewall:\n  backend: {backend}\n"))
    return path


@pytest.fixture(scope="session")
def nodes(lab: Lab, backend: str, spec: Path) -> Mapping[str, Node]:
    """The nodes of the cluster, in whatever state the tests before have left them."""
    return {name: Node(lab, name, backend, spec) for name in ("hdss7-21", "hdss7-22")}


@pytest.fixture(scope="session")
def applied_images(nodes: Mapping[str, Node]) -> Mapping[str, Image]:
    """What podnet makes of each node as the story starts."""
    for node in nodes.values():
        node.reset()
        done = node.apply()
        assert done.code == 0, done.stderr
    return {name: node.image() for name, node in nodes.items()}


@pytest.fixture
def node(nodes: Mapping[str, Node]) -> Node:
    """Node hdss7-21 as the story starts."""
    nodes["hdss7-21"].reset()
    return nodes["hdss7-21"]


@pytest.fixture
def peer(nodes: Mapping[str, Node]) -> Node:
    """Node hdss7-22 as the story starts."""
    nodes["hdss7-22"].reset()
    return nodes["hdss7-22"]


@pytest.fixture
def applied(nodes: Mapping[str, Node], applied_images: Mapping[str, Image]) -> Node:
    """Node hdss7-21 as podnet makes it."""
    nodes["hdss7-21"].load(applied_images["hdss7-21"])
    return nodes["hdss7-21"]


@pytest.fixture
def applied_peer(nodes: Mapping[str, Node], applied_images: Mapping[str, Image]) -> Node:
    """Node hdss7-22 as podnet makes it."""
    nodes["hdss7-22"].load(applied_images["hdss7-22"])
    return nodes["hdss7-22"]


@pytest.fixture(scope="session")
def racks_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Racks]:
    """Two racks with a router between them, in whatever state the tests before have left them."""
    text = spec_text("{type: vxlan}", rack_nodes(BOTH))
    topology = replace(parse(text, "racks.yaml").topology, cluster=f"racks-{os.getpid()}-{next(_serial)}")
    with Lab.temporary(topology, pods=1) as built:
        yield Racks(built, tmp_path_factory.mktemp("racks"))


@pytest.fixture
def racks(racks_lab: Racks) -> Racks:
    """The racks before podnet has done anything."""
    racks_lab.reset()
    return racks_lab
