"""Which folder of a node podnet remembers things in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = "PODNET_VAR_DIR"
DEFAULT: Final = Path("/var/lib/podnet")


def var_dir(given: Path | None) -> Path:
    """Return the given folder, else the one that the environment names, else the default."""
    return (given or Path(os.environ.get(ENVIRONMENT) or DEFAULT)).absolute()
