from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import StoreError
from netplan.kinds.resource import Change
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.store.journal import JournalEntry, JournalStart, Phase
from netplan.store.sysctl_originals import OverwrittenFile
from tests import make

FORWARD = "net.ipv4.ip_forward"
HELD = (Overwritten(FORWARD, "0", "1"),)


def entry(name="1", before="0", after="1", boot=None):
    state = make.snapshot(ip_forward=before)
    changes = (Change(Sysctl(FORWARD, before), Sysctl(FORWARD, after), make.WHY),)
    return JournalEntry(
        name, make.origin(boot=boot), Phase.VERIFIED, JournalStart(changes, state), make.snapshot(ip_forward=after)
    )


@pytest.fixture
def file(tmp_path):
    return OverwrittenFile(tmp_path)


def test_without_a_file_nothing_is_overwritten(file):
    assert file.read() == ()


def test_what_an_apply_wrote_is_read_back(file):
    file.keep(entry())
    assert file.read() == HELD


def test_an_apply_that_put_it_back_is_kept_once(file):
    file.keep(entry())
    for _ in range(2):
        file.keep(entry("2", "1", "0"))
    assert file.read() == ()


def test_what_is_of_another_boot_is_not_read(file):
    file.keep(entry(boot="another"))
    assert file.read() == ()


def test_what_was_of_another_boot_does_not_count_in_this_one(file):
    file.keep(entry(boot="another"))
    file.keep(entry("2", "1", "0"))
    assert file.read() == (Overwritten(FORWARD, "1", "0"),)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format_version": "2.0"}', "\x00"])
def test_a_file_that_podnet_did_not_write_is_named(file, text):
    file.path.write_text(text)
    with pytest.raises(StoreError, match="can't be read"):
        file.read()


def test_a_file_that_can_not_be_opened_is_told_in_the_system_s_words(file):
    file.path.mkdir()
    with pytest.raises(StoreError, match=r"sysctls\.json can't be read \(Is a directory\): "):
        file.read()


def test_after_damage_it_is_begun_anew(file):
    file.path.write_text("{")
    file.keep(entry())
    assert file.read() == HELD


def test_a_file_of_another_format_is_set_aside_before_it_is_begun_anew(file):
    file.path.write_text(newer := '{"format_version": "2.0"}')
    file.keep(entry())
    assert (file.read(), file.path.with_name("sysctls.unread-1.json").read_text()) == (HELD, newer)


def test_an_apply_without_sysctls_leaves_no_file(file):
    file.keep(replace(entry(), start=JournalStart((), make.snapshot())))
    assert not file.path.exists()
