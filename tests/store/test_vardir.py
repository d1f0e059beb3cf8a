from __future__ import annotations

from pathlib import Path

import pytest

from netplan.store.vardir import var_dir


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        (Path("/a"), "/b", "/a"),
        (None, "/b", "/b"),
        (None, "", "/var/lib/podnet"),
        (None, None, "/var/lib/podnet"),
    ],
)
def test_the_folder_is_the_one_asked_for_then_the_environment_s_then_the_usual_one(
    monkeypatch, given, environment, expected
):
    monkeypatch.delenv("PODNET_VAR_DIR", raising=False)
    if environment is not None:
        monkeypatch.setenv("PODNET_VAR_DIR", environment)
    assert str(var_dir(given)) == expected
