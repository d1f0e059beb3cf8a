"""Kernel parameters in the kernel, as files below /proc/sys (sysctl(8))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from netplan.kinds.resource import Change, kernel_refusal
from netplan.kinds.sysctl.value import Sysctl, of_ipv6

_ROOT: Final = Path("/proc/sys")
_SWAP: Final = str.maketrans("./", "/.")


def has_ipv6() -> bool:
    """Whether the kernel has IPv6; one that was started with ipv6.disable=1 has not."""
    return (_ROOT / "net/ipv6/conf").exists()


def observe(names: Iterable[str]) -> Iterator[Sysctl]:
    """Read the named parameters that exist; numbers of one value are separated by one space.

    Those of IPv6 read as 0 in a kernel without it: it accepts nothing, and forwards nothing.
    """
    without_ipv6 = not has_ipv6()
    for name in sorted(names):
        if without_ipv6 and of_ipv6(name):
            yield Sysctl(name, "0")
            continue
        try:
            text = _path(name).read_text()
        except OSError:
            continue
        yield Sysctl(name, " ".join(text.split()))


def write(changes: Iterable[Change[Sysctl]]) -> None:
    """Set parameters in order; KernelError names one that the kernel refuses.

    One of IPv6 is as good as 0 already in a kernel without it.
    """
    for change in changes:
        _set(change)


def _set(change: Change[Sysctl]) -> None:
    sysctl = change.resource
    if sysctl.value == "0" and of_ipv6(sysctl.name) and not has_ipv6():
        return
    try:
        _path(sysctl.name).write_text(sysctl.value + "\n")
    except OSError as error:
        raise kernel_refusal(change, f"the kernel refused it: {error.strerror}") from error


def _path(name: str) -> Path:
    return _ROOT / name.translate(_SWAP)
