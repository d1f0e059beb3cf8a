"""Which folder of a node podnet remembers things in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = "PODNET_VAR_DIR"
DEFAULT: Final = Path("/var/lib/podnet")


def var_dir(given: Path | None) -> Path:
    """Return the folder that was asked for, else the one that the environment names, else the usual one."""
    return (given or Path(os.environ.get(ENVIRONMENT) or DEFAULT)).absolute()
