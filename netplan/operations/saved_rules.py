"""The file of rules that is loaded at boot: read whole, and replaced in one step that outlasts a power failure."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from netplan.errors import RefusedError
from netplan.net import printable
from netplan.system.files import MAX_BYTES, located, replace, sync
from netplan.system.trust import own_links

_MODE: Final = 0o600


def read(path: str) -> str | None:
    """Give the text of the file, None if there is none; RefusedError (3) if it can't be read, or is no file.

    Bytes that are not UTF-8 are carried through as surrogates, and line endings as they are.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise RefusedError(f"{printable(path)} is not a file; firewall.persist names one")
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefusedError(f"{printable(path)} can't be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise RefusedError(f"{printable(path)} is larger than {MAX_BYTES >> 20} MiB: that is no file of rules")
    return content.decode(errors="surrogateescape")


def check_writable(path: str) -> None:
    """Raise RefusedError (3) if there is no folder in which the file could be replaced."""
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise RefusedError(
            f"there is no folder {printable(str(folder))} for firewall.persist: "
            "apt-get install iptables-persistent makes /etc/iptables"
        )
    if not os.access(folder, os.W_OK):
        raise RefusedError(f"{printable(path)} can't be written: the folder does not permit it")


def write(path: str, text: str, *, keep: bool = False) -> None:
    """Replace the file; if nothing is left in it, remove it unless it is to `keep`.

    A symbolic link stays, and what it leads to is replaced. Its owner, mode and extended attributes are kept; a new
    file is its owner's alone. OSError if it can't be done, RefusedError (3) for a link of another user.
    """
    if text or keep:
        replace(Path(path), [text.encode(errors="surrogateescape")], own_links, mode=_MODE)
        return
    with located(Path(path), own_links) as place:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place.name, dir_fd=place.folder)
        sync(".", folder=place.folder)
