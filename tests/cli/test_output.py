"""Files that verbs write."""

from __future__ import annotations

import pytest

from netplan.cli.output import write_file
from netplan.errors import UsageError


def test_a_file_that_can_not_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match=rf"^{tmp_path} can't be written: "):
        write_file(tmp_path, "text")


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(UsageError):
        write_file(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
