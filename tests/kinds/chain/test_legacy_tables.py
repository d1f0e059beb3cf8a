"""Which tables of the legacy backend there are."""

from __future__ import annotations

import pytest

from netplan.kinds.chain import legacy_tables
from netplan.system import programs


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Make the file in which the kernel names its tables of IPv4."""
    monkeypatch.setattr(legacy_tables, "_NAMES", {4: tmp_path / "ip_tables_names"})
    return tmp_path / "ip_tables_names"


def test_the_tables_are_those_that_the_kernel_names(tables):
    tables.write_text("nat\nfilter\n")
    assert legacy_tables.names(4) == ["nat", "filter"]
    assert (legacy_tables.is_absent("nat"), legacy_tables.is_absent("mangle")) == (False, True)


@pytest.mark.usefixtures("tables")
def test_without_the_module_there_is_none():
    assert (legacy_tables.names(4), legacy_tables.is_absent("nat")) == ([], True)


def test_a_table_may_be_there_where_the_kernel_does_not_tell(tables):
    tables.mkdir()
    assert not legacy_tables.is_absent("nat")
    with pytest.raises(OSError, match="directory"):
        legacy_tables.names(4)


def test_a_table_is_saved_by_the_program_of_its_ip_version_if_that_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "SEARCH_PATH", str(tmp_path))
    program = tmp_path / "ip6tables-legacy-save"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert (legacy_tables.saving(6), legacy_tables.saving(4)) == ([str(program), "-t"], None)
