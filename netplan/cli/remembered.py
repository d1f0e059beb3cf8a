"""What podnet remembers of this node's sysctls, for the verbs that plan for it or record it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from netplan.cli.output import say
from netplan.compile import Desired
from netplan.errors import StoreError
from netplan.kernel.linux import require_privilege
from netplan.kinds.sysctl.overwritten import Overwritten
from netplan.net import printable
from netplan.state.overwritten import OverwrittenFile
from netplan.state.vardir import var_dir


def recalled(desired: Desired, folder: Path | None) -> Desired:
    """Give what a node should have with what podnet remembers of its sysctls, in a folder or the usual one."""
    return replace(desired, overwritten=overwritten(folder))


def overwritten(folder: Path | None) -> tuple[Overwritten, ...]:
    """Give what podnet remembers of a node's sysctls; that it can't be read is a warning.

    RefusedError (3) if the process may not administer the network: that is why it can't, then.
    """
    require_privilege()
    try:
        return OverwrittenFile(var_dir(folder)).read()
    except StoreError as error:
        say(f"warning: {printable(str(error))}")
        return ()
