"""Records of nodes' states, as files below state/: what `capture` writes and `plan` reads back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct

from netplan import __version__
from netplan.documents import INVALID_JSON_VALUE, FormatError, explained, of_format
from netplan.errors import UsageError
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.snapshot_json import from_json, of_packet_filter, to_json
from netplan.kinds.sysctl.originals import Overwritten
from netplan.system import files

FORMAT_VERSION: Final = "1.1"

_RECORD: Final = "a record of a node's state"
_OVERWRITTEN: Final = "overwritten"
_OTHER: Final = "other_backend"


class Record(Struct, frozen=True):
    """A node's state, and those of its parameters that podnet had overwritten.

    `other` is the same state with the rules as the iptables of the other backend shows them, None if that is unknown.
    """

    state: Snapshot
    overwritten: tuple[Overwritten, ...] = ()
    other: Snapshot | None = None

    def of(self, backend: FirewallBackend | None) -> Snapshot:
        """Return the state as a backend's iptables shows it; if that is None or unknown, as the node's own does."""
        return self.other if self.other is not None and self.other.backend is backend else self.state


def render(
    snapshot: Snapshot,
    node: str,
    cluster: str | None,
    overwritten: Iterable[Overwritten] = (),
    other: Snapshot | None = None,
) -> str:
    """Return the text of a record; `cluster` is None where it is unknown, for `other` see `Record`."""
    written = [parameter.to_json() for parameter in overwritten]
    rules = {} if other is None else to_json(other)
    data = {
        "format_version": FORMAT_VERSION,
        "podnet_version": __version__,
        "cluster": cluster,
        "node": node,
        **to_json(snapshot),
        **(
            {_OTHER: {name: rules[name] for name in ("backend", *of_packet_filter()) if name in rules}} if rules else {}
        ),
        **({_OVERWRITTEN: written} if written else {}),
    }
    return json.dumps(data, indent=1) + "\n"


def parse(text: str, path: str, cluster: str, node: str) -> Record:
    """Read a record of a cluster's node; UsageError (2) names the file if it is another node's, or not a record."""
    try:
        data = json.loads(text)
        with of_format(data, FORMAT_VERSION):
            for name, expected in (("cluster", cluster), ("node", node)):
                if data[name] not in (None, expected):
                    raise UsageError(
                        f"{path} is a record of {name} {data[name]}, not of {expected}: capture {node} again"
                    )
            rules = data.get(_OTHER)
            other = (
                None
                if rules is None
                else from_json({**data, **dict.fromkeys(("backend", *of_packet_filter()), ()), **rules})
            )
            return Record(from_json(data), tuple(map(Overwritten.from_json, data.get(_OVERWRITTEN, ()))), other)
    except FormatError as error:
        raise UsageError(f"{path} has record {error}: capture the node again") from error
    except INVALID_JSON_VALUE as error:
        raise UsageError(explained(error, path, _RECORD)) from error


def path_of(folder: Path, cluster: str, node: str) -> Path:
    """Return the file of a node's record below a state folder."""
    return folder / cluster / f"{node}.json"


def read(folder: Path, cluster: str, node: str) -> Record | None:
    """Read the record of a node below a state folder, None if it has none."""
    path = path_of(folder, cluster, node)
    try:
        content = files.read(path, regular=True)
    except UsageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    return parse(content.decode(errors="surrogateescape"), str(path), cluster, node)
