"""Files that verbs write."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from netplan.errors import UsageError
from netplan.system.outputs import write_file


def test_a_file_that_can_not_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match=rf"^{tmp_path} can't be written: "):
        write_file(tmp_path, "text")


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(UsageError):
        write_file(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_device_is_written_to():
    terminal, end = os.openpty()
    write_file(Path(os.ttyname(end)), "text")
    assert os.read(terminal, 100) == b"text"
    os.close(end)
    os.close(terminal)


def test_a_symbolic_link_stays_and_the_file_that_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    file, link = tmp_path / "folder" / "file", tmp_path / "link"
    link.symlink_to("folder/file")
    for text in ("first", "second"):
        write_file(link, text)
        assert link.is_symlink()
        assert file.read_text() == text
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_a_link_to_a_file_without_a_name_is_written_through(tmp_path):
    with TemporaryFile("w+", dir=tmp_path) as nameless:
        write_file(Path(f"/proc/self/fd/{nameless.fileno()}"), "text")
        assert nameless.read() == "text"
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_to_itself_can_not_be_written(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=r"loop can't be written: Too many levels of symbolic links$"):
        write_file(tmp_path / "loop", "text")
    assert (tmp_path / "loop").is_symlink()
