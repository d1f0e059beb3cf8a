from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import read
from tests.scenarios.node import SPEC
from tests.scenarios.real.docker import Docker


@pytest.fixture
def lab() -> Iterator[Lab]:
    """The cluster of the story, with nothing on its nodes and the tutorials' static routes on its router."""
    topology = replace(read(SPEC).topology, cluster=f"real-{os.getpid()}")
    with Lab.temporary(topology, spec=str(SPEC)) as made:
        for number in ("21", "22"):
            made.run("router", ["ip", "route", "add", f"172.7.{number}.0/24", "via", f"10.4.7.{number}"])
        yield made


@pytest.fixture
def docker(lab: Lab, tmp_path: Path) -> Iterator[Docker]:
    """A real dockerd on hdss7-21, started."""
    made = Docker(lab, "hdss7-21", tmp_path)
    made.start()
    yield made
    made.stop()
