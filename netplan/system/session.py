"""The SSH session that podnet was started in, if it was started in one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NAME: Final = "SSH_CONNECTION"
_PROC: Final = Path("/proc")
_ENTRY: Final = re.compile(rb"(?:^|\0)SSH_CONNECTION=([^\0]+)")


def ssh_connection() -> str | None:
    """Give sshd's SSH_CONNECTION, `client_ip client_port server_ip server_port`; None outside of a session.

    sudo(8) takes it out of the environment: the nearest ancestor that still has it counts, as far as /proc shows them.
    """
    return os.environ.get(_NAME) or next(_of_ancestors(os.getppid()), None)


def _of_ancestors(pid: int) -> Iterator[str]:
    """Give the value that each ancestor was started with, the nearest first."""
    while pid > 0:
        found = _ENTRY.search(_read(pid, "environ"))
        if found is not None:
            yield found[1].decode(errors="surrogateescape")
        pid = _parent(pid)


def _parent(pid: int) -> int:
    """Give the parent of a process, 0 if it has none that this process may see."""
    words = _read(pid, "stat").rpartition(b")")[2].split()  # the name before it may hold anything (proc(5))
    return int(words[1]) if len(words) > 1 else 0


def _read(pid: int, name: str) -> bytes:
    """Read what /proc says of a process; nothing if it may not be read, or the process has ended."""
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
