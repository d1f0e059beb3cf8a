"""The states that were applied on this node."""

from __future__ import annotations

import json

import pytest

from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel


@pytest.fixture
def folder(tmp_path):
    """A folder of podnet's with two generations."""
    kernel = MemoryKernel(make.snapshot(make.docker()))
    for spec in (make.spec(forward="none"), make.spec()):
        make.generation(Store(tmp_path), make.desired(spec), kernel)
    return str(tmp_path)


def test_where_nothing_was_applied_it_is_said(podnet, tmp_path):
    assert podnet("history", "--var-dir", str(tmp_path)) == (
        0,
        "No generations: podnet has applied nothing on this node.\n",
        "",
    )


def test_generations_are_listed_and_the_newest_is_marked(podnet, folder):
    code, out, _ = podnet("history", "--var-dir", folder)
    assert (code, [line[:6] for line in out.splitlines()]) == (0, ["     1", "*    2"])


def test_generations_are_json_too(podnet, folder):
    _, out, _ = podnet("history", "--var-dir", folder, "--format", "json")
    assert [(entry["number"], entry["current"]) for entry in json.loads(out)["generations"]] == [(1, False), (2, True)]
