"""What nodes should have, as a spec says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.spec.factory import spec_text


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with the spec of two nodes."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(spec_text())


def test_every_node_is_shown_by_default(podnet):
    code, out, _ = podnet("compile", "c.yaml")
    assert (code, [line for line in out.splitlines() if line in ("a", "b")]) == (0, ["a", "b"])


def test_one_node_alone_is_shown_as_json(podnet):
    code, out, _ = podnet("compile", "c.yaml", "--node", "b", "--format", "json")
    assert (code, [node["node"] for node in json.loads(out)["nodes"]]) == (0, ["b"])


def test_a_node_that_the_spec_has_not_is_a_mistake(podnet):
    assert podnet("compile", "c.yaml", "--node", "z") == (2, "", "podnet: there is no node z; there are a, b\n")
