"""podnet as a process of its own that tells, as it ends, whether it has loaded pyroute2."""

from __future__ import annotations

import sys
from pathlib import Path

_TELL = """
import atexit, sys
atexit.register(lambda: print("pyroute2" in sys.modules, file=sys.stderr))
from netplan.cli.start import main
main()
"""


def telling(*words: str | Path) -> list[str]:
    """Return the command line of podnet; the last line on its standard error is True or False."""
    return [sys.executable, "-c", _TELL, *map(str, words)]
