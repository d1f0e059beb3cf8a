"""The files for the next boot, by the spec that a plan was made from."""

from __future__ import annotations

import pytest

from netplan.cli.persist import of_spec
from netplan.errors import RefusedError
from netplan.spec.load import read
from netplan.state.store import Store
from tests.spec.factory import spec_text


def test_a_plan_of_a_node_that_its_spec_does_not_have_is_refused(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(spec_text())
    with pytest.raises(RefusedError, match=r"c\.yaml has no node z: "):
        of_spec(str(path), read(path).sha256, "z", tmp_path, Store(tmp_path))
