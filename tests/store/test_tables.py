from __future__ import annotations

import json

import pytest

from netplan.errors import StoreError
from netplan.store.provenance import boot_id
from netplan.store.tables import TablesFile


@pytest.fixture
def file(tmp_path):
    return TablesFile(tmp_path)


def write(file, tables, boot=None, version="1.0"):
    data = {"format_version": version, "boot_id": boot or boot_id(), "tables": tables}
    file.path.write_text(json.dumps(data))


def test_without_a_file_no_table_was_made(file):
    assert file.read() == ()


def test_tables_are_read_back_in_the_order_in_which_they_were_made(file):
    for name in ("ip nat", "ip6 filter", "ip nat"):
        file.note(name)
    assert file.read() == ((4, "nat"), (6, "filter"))


def test_what_another_boot_made_is_worth_nothing(file):
    write(file, ["ip nat"], boot="another")
    file.note("ip filter")
    assert file.read() == ((4, "filter"),)


def test_tables_that_are_kept_are_those_alone(file):
    write(file, ["ip nat", "ip filter"])
    file.keep([(4, "filter")])
    assert file.read() == ((4, "filter"),)


def test_no_file_is_left_when_no_table_is(file):
    write(file, ["ip nat"])
    file.keep([])
    assert not file.path.exists()


@pytest.mark.parametrize("tables", [["inet mine"], [["ip nat"]], None, 3], ids=str)
def test_a_file_of_other_tables_is_named(file, tables):
    write(file, tables)
    with pytest.raises(StoreError, match=r"tables\.json can't be read"):
        file.read()


def test_a_file_of_a_later_format_is_set_aside_when_a_table_is_made(file):
    write(file, ["ip nat"], version="2.0")
    file.note("ip filter")
    assert (file.read(), file.path.with_name("tables.unread-1.json").exists()) == (((4, "filter"),), True)


def test_a_full_disk_is_no_obstacle_to_making_a_table(file):
    file.path.parent.joinpath(".tables.json.new").mkdir()
    file.note("ip nat")
    assert file.read() == ()
