from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netplan.lab import Lab
from netplan.spec.load import read
from tests.netns.node import SPEC, Node

_serial = itertools.count(1)


@pytest.fixture(scope="session", params=["nft", "legacy"])
def backend(request: pytest.FixtureRequest) -> str:
    """The packet filter that the programs of the cluster's nodes use."""
    return str(request.param)


@pytest.fixture(scope="session")
def lab(backend: str) -> Iterator[Lab]:
    """The cluster of the story, whose router has the static routes of the tutorials."""
    topology = dataclasses.replace(read(SPEC).topology, cluster=f"netns-{os.getpid()}-{next(_serial)}")
    made = Lab.up(topology, spec=str(SPEC))
    for number in ("21", "22"):
        made.run("router", ["ip", "route", "add", f"172.7.{number}.0/24", "via", f"10.4.7.{number}"])
    yield made
    made.down()


@pytest.fixture(scope="session")
def spec(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spec of the story, with the backend named."""
    path = tmp_path_factory.mktemp(backend) / "hdss7.yaml"
    path.write_text(SPEC.read_text().replace("firewall:\n", f"firewall:\n  backend: {backend}\n"))
    return path


@pytest.fixture
def node(lab: Lab, backend: str, spec: Path) -> Node:
    """Node hdss7-21 as the story starts."""
    made = Node(lab, "hdss7-21", backend, spec)
    made.reset()
    return made


@pytest.fixture
def peer(lab: Lab, backend: str, spec: Path) -> Node:
    """Node hdss7-22 as the story starts."""
    made = Node(lab, "hdss7-22", backend, spec)
    made.reset()
    return made


@pytest.fixture
def applied(node: Node) -> Node:
    """Node hdss7-21 as podnet makes it."""
    done = node.apply()
    assert done.code == 0, done.stderr
    return node
