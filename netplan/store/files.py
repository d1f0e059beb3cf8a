"""Durable files: after a power loss each is there as it was before, or whole as it was written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from netplan.documents import check_format
from netplan.errors import StoreError
from netplan.kinds.resource import Json
from netplan.system.files import located, new_file, sync
from netplan.system.trust import changeable, trusted_users

UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading one of podnet's files raises if podnet did not write it so."""

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0


@contextmanager
def reported(what: str, path: Path, remark: str = "") -> Iterator[None]:
    """Turn an error of the file system into StoreError (3), which says what can't be written, and a remark."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{what} can't be written: {path}: {error.strerror or error}{remark}") from error


def read_json(path: Path, current: str) -> Json | None:
    """Return what a file of the current format holds, None if it does not exist; FormatError or one of `UNREADABLE`."""
    try:
        data: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    check_format(data, current)
    return data


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable for its owner only; the caller holds the lock. OSError."""
    with _written(path, text) as new:
        new.replace(path)
    sync(str(path.parent))


def create(path: Path, text: str) -> None:
    """Write a file as `write` does, unless there is one of its name already: FileExistsError."""
    with _written(path, text) as new:
        path.hardlink_to(new)
        new.unlink()
    sync(str(path.parent))


def remove(path: Path) -> None:
    """Remove a file, if it is there; OSError."""
    path.unlink(missing_ok=True)
    sync(str(path.parent))


def set_aside(path: Path, word: str) -> Path | None:
    """Rename a file to a new name, with a word and a number in it, and return that; None if it is missing. OSError."""
    for number in count(1):
        kept = path.with_name(f"{path.stem}.{word}-{number}{path.suffix}")
        try:
            kept.hardlink_to(path)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return None
        break
    remove(path)
    return kept


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may read; StoreError (3) if it can't be made, or is not safe to use."""
    _check_way(path)
    with reported("podnet's folder", path, "; nothing was changed"):
        for missing in [folder for folder in reversed([path, *path.parents]) if not folder.exists()]:
            missing.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            sync(str(missing.parent))
    check_folder(path)


def check_folder(path: Path) -> None:
    """Raise StoreError (3) for a folder of podnet's that another user could change or replace."""
    folder = _check_way(path)
    if folder is not None:
        judge_folder(path, folder)


def judge_folder(path: Path, folder: os.stat_result) -> None:
    """Raise StoreError (3) if what is at a path is not a folder to which root and the user of this process write."""
    if not stat.S_ISDIR(folder.st_mode):
        raise StoreError(f"{path} is not a folder; nothing was changed")
    if folder.st_uid not in (_ROOT, os.geteuid()):
        raise StoreError(f"{path} belongs to another user (uid {folder.st_uid}), who could change what podnet does")
    if folder.st_mode & _OTHERS_WRITE:
        raise StoreError(
            f"users other than its owner may write to {path}, and change what podnet does: chmod go-w {path}"
        )


def _check_way(path: Path) -> os.stat_result | None:
    """Check the folders and links on the way to a path, and return the status of its end, None if it is missing."""
    users = trusted_users()

    def judge(at: Path, status: os.stat_result) -> None:
        danger = changeable(at, status, users)
        if danger is not None:
            raise StoreError(f"{danger.why}, and could change what podnet does by {path}: {danger.remedy}")

    with reported("podnet's folder", path, "; nothing was changed"):
        try:
            with located(path, judge) as place:
                return place.status
        except FileNotFoundError:
            return None


@contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """Write a new file beside a path, in the place of one that a killed podnet has left, for a block to name it."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with new_file(str(new), [text.encode(errors="surrogateescape")], _FILE_MODE):
        yield new
