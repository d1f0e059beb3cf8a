"""Every mistake of every spec is reported with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.factory import spec_text


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a spec that is right and one that is wrong in two places."""
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text(spec_text())
    Path("bad.yaml").write_text(spec_text(subnet_len="99", forward="some"))


def test_a_spec_without_a_mistake_is_told_with_its_cluster(podnet):
    assert podnet("validate", "good.yaml") == (0, "good.yaml: cluster c, 2 nodes, no mistakes\n", "")


def test_a_wrong_spec_does_not_hide_another_that_is_right(podnet):
    code, out, err = podnet("validate", "bad.yaml", "good.yaml")
    assert (code, out) == (2, "good.yaml: cluster c, 2 nodes, no mistakes\n")
    assert ("subnet_len" in err, "forward" in err, err.count("bad.yaml:")) == (True, True, 2)
