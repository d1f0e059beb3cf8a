"""Whose files podnet goes by where it writes as root: those that no other user could have changed on their way here."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from netplan.errors import RefusedError
from netplan.net import printable

FLAG: Final = "--allow-untrusted-file"

_ROOT: Final = 0
_ALL_USERS: Final = ["0", "0", "4294967295"]


class UntrustedError(RefusedError):
    """A file that another user could have changed."""


class Trust:
    """A judge of folders, links and files on the way to one; `groups` are those that only a group may change.

    The users who are trusted are root, the one of this process, and the one who called sudo, which is believed of root
    only. In a user namespace the files of the machine's root belong to the user that stands for all who have no number
    there (user_namespaces(7)).
    """

    def __init__(self) -> None:
        self.users = trusted_users()
        self.groups: list[Path] = []

    def __call__(self, path: Path, status: os.stat_result) -> None:
        """Raise UntrustedError (3) if another user could change what is here, or put something else in its place."""
        danger = changeable(path, status, self.users)
        if danger is not None:
            raise UntrustedError(
                f"{danger.why}, and what root does must not be theirs to choose: {danger.remedy}, or {FLAG}"
            )
        if _replaceable(status) and status.st_mode & stat.S_IWGRP and path not in self.groups:
            self.groups.append(path)


class Danger(NamedTuple):
    """Who else could change what a path leads to, and the command against it."""

    why: str
    remedy: str


def changeable(path: Path, status: os.stat_result, users: Collection[int]) -> Danger | None:
    """Return who else than some users could change what a path leads to; None if no other user.

    What a group may write to is let be.
    """
    shown = printable(str(path))
    kind = "folder " if stat.S_ISDIR(status.st_mode) else ""
    if status.st_uid not in users:
        return Danger(f"{kind}{shown} belongs to {_user(status.st_uid)}", f"chown root {shown}")
    if _replaceable(status) and status.st_mode & stat.S_IWOTH:
        return Danger(f"every user may write to {kind}{shown}", f"chmod o-w {shown}")
    return None


def own_links(path: Path, status: os.stat_result) -> None:
    """Judge who made the links on the way to a file that is written: UntrustedError (3) for another user's."""
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in trusted_users():
        raise UntrustedError(
            f"{printable(str(path))} is a symbolic link of {_user(status.st_uid)}, who could have any file "
            "overwritten: name the file itself"
        )


def trusted_users() -> frozenset[int]:
    """Return the numbers of the users whose files are trusted."""
    users = {_ROOT, os.getuid(), os.geteuid(), *caller_of(os.getuid(), os.environ.get("SUDO_UID", ""))}
    if Path("/proc/self/uid_map").read_text().split() != _ALL_USERS:
        users.add(int(Path("/proc/sys/kernel/overflowuid").read_text()))
    return frozenset(users)


def caller_of(uid: int, sudo_uid: str) -> Iterator[int]:
    """Yield the user who called sudo, as the environment says it to a process of user `uid`: root alone believes it."""
    if uid == _ROOT and sudo_uid.isascii() and sudo_uid.isdecimal():
        yield int(sudo_uid)


def _replaceable(status: os.stat_result) -> bool:
    """Whether who may write to something may change what is read: not so a sticky folder's entries, or a device."""
    return stat.S_ISREG(status.st_mode) or (stat.S_ISDIR(status.st_mode) and not status.st_mode & stat.S_ISVTX)


def _user(uid: int) -> str:
    try:
        return f"{printable(pwd.getpwuid(uid).pw_name)} (uid {uid})"
    except (KeyError, OverflowError):
        return f"uid {uid}"
