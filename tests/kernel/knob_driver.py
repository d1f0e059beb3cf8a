"""The driver of the kind that tests/kernel/test_drivers.py defines: its knobs are in a dictionary."""

from __future__ import annotations

from typing import ClassVar

from netplan.kinds.resource import Json
from netplan.kinds.sysctl.value import Sysctl

FILES: dict[str, str] = {}


class Knob(Sysctl, frozen=True):
    """A file below /proc/sys that is no parameter of the kernel's."""

    kind: ClassVar[str] = "knob"

    @classmethod
    def from_json(cls, data: Json) -> Knob:
        return cls(str(data["name"]), str(data["value"]))


def observe(names):
    """Return the named knobs that there are."""
    return [Knob(name, FILES[name]) for name in sorted(names) if name in FILES]


def write(changes):
    """Turn knobs."""
    FILES.update({change.resource.name: change.resource.value for change in changes})
