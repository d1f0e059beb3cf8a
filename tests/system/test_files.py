"""Files are found link by link, read within bounds, and replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netplan.errors import UsageError
from netplan.system import files
from tests.forked import forked


def walked(path):
    """Return what is judged on the way to a file, below a folder."""
    seen = []
    with files.located(path, lambda at, status: seen.append((at, stat.filemode(status.st_mode)[0]))) as place:
        return seen, place.path


def below(folder, seen):
    return [(str(at.relative_to(folder)), kind) for at, kind in seen if at != folder and at.is_relative_to(folder)]


def test_every_folder_and_link_on_the_way_is_judged(tmp_path):
    (tmp_path / "real" / "in").mkdir(parents=True)
    (tmp_path / "real" / "file").write_text("")
    (tmp_path / "link").symlink_to("real/in")
    (tmp_path / "real" / "in" / "up").symlink_to(tmp_path / "real" / "file")
    seen, path = walked(tmp_path / "link" / "up")
    assert path == tmp_path / "real" / "file"
    assert [*dict.fromkeys(below(tmp_path, seen))] == [
        ("link", "l"),
        ("real", "d"),
        ("real/in", "d"),
        ("real/in/up", "l"),
    ]


def test_a_path_that_starts_in_the_current_folder_is_judged_from_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert walked(Path("../file"))[0][0] == (Path("/"), "d")


@pytest.mark.parametrize("text", ["/", "/../..", "."])
def test_a_path_may_lead_to_a_folder(text):
    with pytest.raises(UsageError, match="Is a directory"):
        files.read(Path(text))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as error, files.located(tmp_path / "a" / "b" / "c"):
        pass
    assert error.value.filename == str(tmp_path / "a" / "b")


def test_what_comes_through_a_descriptor_of_this_process_is_read():
    receiver, sender = os.pipe()
    os.write(sender, b"text")
    os.close(sender)
    assert files.read(Path(f"/dev/fd/{receiver}")) == b"text"
    os.close(receiver)


def test_a_device_without_an_end_is_too_large():
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        files.read(Path("/dev/zero"))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_where_a_file_is_wanted_a_pipe_is_not_waited_for(tmp_path, make):
    make(tmp_path / "it")
    with pytest.raises(UsageError):
        files.read(tmp_path / "it", regular=True)


def test_a_pipe_that_no_program_writes_to_is_refused_by_its_name(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "_WRITER_PATIENCE", 50)
    with pytest.raises(UsageError, match="/pipe: a pipe that no program writes to; name a file, or start its writer"):
        files.read(tmp_path / "pipe")


def test_a_pipe_whose_writer_is_slow_is_read_to_its_end(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "_WRITER_PATIENCE", 50)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    os.close(reader)
    with ThreadPoolExecutor(1) as pool:
        content = pool.submit(files.read, tmp_path / "pipe")
        time.sleep(0.2)
        with os.fdopen(writer, "wb") as stream:
            stream.write(bytes(1 << 20))
        assert content.result() == bytes(1 << 20)


def test_a_pipe_whose_writer_left_nothing_is_empty():
    receiver, sender = os.pipe()
    os.close(sender)
    assert files.read(Path(f"/dev/fd/{receiver}")) == b""
    os.close(receiver)


def test_a_pipe_that_no_program_reads_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        files.replace(tmp_path / "pipe", [b"text"])


def test_a_pipe_whose_reader_reads_nothing_is_given_up(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "_PATIENCE", 50)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(TimeoutError):
        files.replace(tmp_path / "pipe", [bytes(1 << 20)])
    os.close(reader)


def test_a_pipe_whose_reader_is_slow_gets_everything():
    receiver, sender = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(receiver, "rb") as stream:
        content = pool.submit(stream.read)
        files.replace(Path(f"/dev/fd/{sender}"), [bytes(1 << 20)])
        os.close(sender)
        assert len(content.result()) == 1 << 20


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask, mode):
    def written():
        os.umask(umask)
        files.replace(tmp_path / "file", [b"text"])

    forked(lambda: None, written)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_file_that_is_replaced_keeps_its_mode_and_attributes(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o640)
    os.setxattr(file, "user.origin", b"x")
    files.replace(file, [b"new"])
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode), os.getxattr(file, "user.origin")) == (
        "new",
        0o640,
        b"x",
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, UnicodeEncodeError("utf-8", "", 0, 1, "a surrogate"), OSError])
def test_nothing_is_left_of_a_write_that_is_cut_short(tmp_path, error):
    def parts():
        yield b"some"
        raise error

    (tmp_path / "file").write_text("old")
    with pytest.raises((KeyboardInterrupt, UnicodeEncodeError, OSError)):
        files.replace(tmp_path / "file", parts())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]
