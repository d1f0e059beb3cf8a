"""Run a function of the test itself in a network namespace that lasts no longer: forked, so it needs no imports."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from tests.forked import forked

P = ParamSpec("P")
R = TypeVar("R")

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def in_scratch(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function in a fresh network namespace and give its result, which must pickle, or raise what it raises."""
    return forked(_enter, lambda: function(*args, **kwargs))


def _enter() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        # as root of it first: what /proc shows of a network namespace belongs to who made it
        _unshare(_NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _unshare(_NEW_NET)


def _unshare(flags: int) -> None:
    if _libc.unshare(flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"unshare: {os.strerror(code)}")
