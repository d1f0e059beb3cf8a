"""What this process may do, by its effective capabilities (capabilities(7)) and not by its user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

CAP_NET_ADMIN: Final = 12
CAP_SYS_ADMIN: Final = 21


def may(*capabilities: int) -> bool:
    """Whether the process has all the capabilities in its own user namespace."""
    status = Path("/proc/self/status").read_text()
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return effective is not None and all(int(effective[1], 16) >> number & 1 for number in capabilities)
