"""Drift is 1 if and only if packets do not fare as the spec wants, and names what is to blame."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests.lab import resident
from tests.lab.probe import address, source_seen
from tests.scenarios.podnet import Outcome, podnet
from tests.scenarios.situations import SITUATIONS, Ground, Situation

ROWS = [(ground, situation) for ground, situations in SITUATIONS.items() for situation in situations]


class Episode(NamedTuple):
    """What was typed on a node in sync, whether packets fared as wanted then, and what drift said."""

    situation: Situation
    well: bool
    drift: Outcome

    @property
    def blames(self) -> set[str]:
        """What drift blames for traffic that stays broken."""
        (plan,) = json.loads(self.drift.stdout)["nodes"]
        return {effect["after_blame"] for effect in plan["effects"] if effect["stays_broken"]}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    """Two nodes, which podnet has not touched."""
    topology = replace(parse(Ground().spec, "situations.yaml").topology, cluster=f"situations-{os.getpid()}")
    with Lab.temporary(topology, pods=1) as lab:
        yield lab


@pytest.fixture(scope="module")
def standing(cluster: Lab, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Ground], Path]:
    """A way to put the cluster onto a ground; it stays there until another one is wanted."""
    folder = tmp_path_factory.mktemp("situations")
    path = folder / "situations.yaml"
    now: list[Ground] = []

    def put(ground: Ground) -> Path:
        if now != [ground]:
            for verb in ("remove", "apply") if now else ("apply",):
                if verb == "apply":
                    path.write_text(ground.spec)
                for node in ("n1", "n2"):
                    done = podnet(cluster, node, verb, path, "--node", node, "--yes", "--lock-timeout", "20")
                    assert done.code == 0, done.stderr
            now[:] = [ground]
        return path

    return put


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: f"{'-'.join(row[0])}: {row[1].name}")
def episode(request: pytest.FixtureRequest, cluster: Lab, standing: Callable[[Ground], Path]) -> Iterator[Episode]:
    """A situation, of which nothing is left afterwards."""
    ground, situation = request.param
    spec = standing(ground)

    def type_in(node: str, pod: str) -> None:
        resident.shell(cluster, "n1", f"iptables=iptables-{ground.filter}\n{node}")
        resident.shell(cluster, "n1-pod1", pod)

    type_in(situation.typed, situation.in_pod[0])
    try:
        drift = podnet(cluster, "n1", "drift", spec, "--node", "n1", "--format", "json")
        yield Episode(situation, _fares_well(cluster, situation), drift)
    finally:
        type_in(situation.undo, situation.in_pod[1])


def _fares_well(lab: Lab, situation: Situation) -> bool:
    """Whether a connection comes about, and has the address of who opened it."""
    source, target = situation.ends
    try:
        seen = source_seen(lab, source, target, 0.4 if situation.blame else 2.0, version=situation.version)
    except OSError:
        return False
    return seen == address(lab, source, situation.version)


def test_packets_fare_as_the_situation_has_it(episode: Episode) -> None:
    assert episode.well is (episode.situation.blame is None)


def test_drift_is_told_if_and_only_if_packets_do_not_fare_as_wanted(episode: Episode) -> None:
    assert episode.drift.code == (0 if episode.well else 1)


def test_what_is_to_blame_is_named(episode: Episode) -> None:
    assert episode.blames == ({episode.situation.blame} - {None})
