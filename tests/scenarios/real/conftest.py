"""podnet beside real programs, a target of make each: `make real-docker`, as root; `make real` runs all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netplan.lab import Lab
from tests.scenarios.real.docker import Docker, started, story_lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    """The cluster of the story."""
    with story_lab() as lab:
        yield lab


@pytest.fixture
def docker(lab: Lab, tmp_path: Path) -> Iterator[Docker]:
    """A real dockerd on hdss7-21, started."""
    with started(lab, tmp_path) as docker:
        yield docker
