"""Record what iptables-save prints on a node with docker and podnet, for the tests that start neither. As root."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from netplan.lab import Lab
from tests import make
from tests.scenarios.node import SPEC
from tests.scenarios.podnet import podnet
from tests.scenarios.real.docker import NODE, Docker, started, story_lab


def _record(name: str, lab: Lab) -> None:
    """Write what iptables-save prints, without counts of packets, to a file of the captures."""
    saved = lab.run(NODE, ["iptables-save"]).stdout
    path = make.CAPTURES / f"podnet-beside-docker-20.10-{name}.rules"
    path.write_text(re.sub(r"(?m)\[\d+:\d+\]$", "[0:0]", saved))


def _restarted(lab: Lab, docker: Docker) -> None:
    docker.restart()
    _record("restarted", lab)


def _published(lab: Lab, docker: Docker) -> None:
    _record("applied", lab)
    docker.publish()
    _record("published", lab)


for scene in (_restarted, _published):
    with TemporaryDirectory() as name, story_lab() as lab, started(lab, Path(name)) as docker:
        podnet(lab, NODE, "apply", SPEC, "--yes")
        scene(lab, docker)
