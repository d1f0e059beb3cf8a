"""Who changes a node, how, from which spec and when: what the journal and the generations say of an apply."""

from __future__ import annotations

import os
import pwd
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Provenance(Struct, frozen=True):
    """What an apply comes from; `when` is local time with its offset (ISO 8601), `boot_id` the kernel's."""

    verb: str
    node: str
    address: Address
    cluster: str
    spec_path: str
    spec_sha256: str
    who: str
    when: str
    boot_id: str

    def to_json(self) -> Json:
        """Return the origin as JSON values."""
        return {
            "verb": self.verb,
            "node": self.node,
            "address": str(self.address),
            "cluster": self.cluster,
            "spec": {"path": self.spec_path, "sha256": self.spec_sha256},
            "who": self.who,
            "when": self.when,
            "boot_id": self.boot_id,
        }

    @classmethod
    def from_json(cls, data: Json) -> Provenance:
        """Read what `to_json` returned."""
        spec = data["spec"]
        verb, node, cluster, by, when, boot = (
            str(data[name]) for name in ("verb", "node", "cluster", "who", "when", "boot_id")
        )
        address = Address.parse(str(data["address"]))
        return cls(verb, node, address, cluster, str(spec["path"]), str(spec["sha256"]), by, when, boot)

    def __str__(self) -> str:
        return f"podnet {self.verb} by {self.who} of {self.when}"


def boot_id() -> str:
    """Return the random id that the kernel chose when it booted (proc_sys_kernel(5))."""
    return _BOOT_ID.read_text().strip()


def local_time() -> str:
    """Return the local time now, with its offset (ISO 8601)."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def who() -> str:
    """Return the name of the user who called sudo, else of the user of this process."""
    caller = os.environ.get("SUDO_UID", "")
    uid = int(caller) if caller.isdecimal() else os.getuid()
    try:
        name = os.environ.get("SUDO_USER") or pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"
    return f"{name} (uid {uid})"
