"""A plan as JSON, for programs, for review and to be applied later (format version 1.1)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

from netplan import __version__
from netplan.desired.checks import Check
from netplan.desired.hooks import hooks_from_json, hooks_to_json
from netplan.documents import INVALID_JSON_VALUE, FormatError, check_format, explained, of_format, read_all, within
from netplan.errors import UsageError
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.change_json import change_from_json, change_to_json
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Action, Change, Json, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, host_name
from netplan.planning.field_changes import field_changes
from netplan.planning.json_stream import JsonStream, Part, TooLargeError
from netplan.planning.plan import NodePlan, Plan, Source
from netplan.planning.traffic.class_json import class_from_json, class_to_json
from netplan.system.files import MAX_BYTES, too_large

FORMAT_VERSION: Final = "1.1"

_VERSION: Final = "format_version"
_NODES: Final = "nodes"
_BEGINNING: Final = 1 << 10
_OBJECT: Final = re.compile(rb'\s*\{\s*("|$)')
"""How an object of JSON begins, and not what YAML alone takes for one, such as `{version: 1}`."""


def plan_to_json(plan: Plan) -> Json:
    """Return a plan as JSON values; readers ignore keys that they don't know."""
    head, tail = _around(plan)
    return {**head, _NODES: [_node_to_json(node) for node in plan.nodes], **tail}


def _around(plan: Plan) -> tuple[Json, Json]:
    """Return what stands before and behind the nodes of a plan."""
    head = {
        _VERSION: FORMAT_VERSION,
        "podnet_version": __version__,
        "cluster": plan.cluster,
        "spec": {"path": plan.spec_path, "sha256": plan.spec_sha256},
    }
    return head, {"summary": summary(plan)}


def summary(plan: Plan) -> dict[str, int]:
    """Count the nodes and their changes; a rule that moves counts as an update."""
    return {
        "nodes": len(plan.nodes),
        "nodes_changed": sum(1 for node in plan.nodes if node.changes),
        **counts(plan.changes),
    }


def counts(changes: Iterable[Change[Resource]]) -> dict[str, int]:
    """Count changes by what they do; a rule that moves counts as an update."""
    actions = Counter(change.action for change in changes)
    return {
        "create": actions[Action.CREATE],
        "update": actions[Action.UPDATE] + actions[Action.MOVE],
        "delete": actions[Action.DELETE],
    }


def render_plan(plan: Plan) -> Iterator[str]:
    """Yield the text of a saved plan, a node at a time: that of many is large; `read_plan` reads it back."""
    head, tail = _around(plan)
    yield json.dumps(head, indent=1).removesuffix("\n}") + f',\n "{_NODES}": ['
    for number, node in enumerate(plan.nodes):
        text = json.dumps(_node_to_json(node), indent=1).replace("\n", "\n  ")
        yield f"{',' if number else ''}\n  {text}"
    yield ("\n ]," if plan.nodes else "],") + json.dumps(tail, indent=1).removeprefix("{") + "\n"


def is_plan(file: BinaryIO, path: str) -> bool:
    """Whether a file is a saved plan rather than a spec; it is to be read from its beginning then.

    A spec may be JSON too, without the version of a format. UsageError (2) for what should be JSON by its name or its
    first characters, and is not: it is neither.
    """
    start = file.tell()
    beginning = file.read(_BEGINNING)
    file.seek(start)
    if not (path.endswith(".json") or _OBJECT.match(beginning)):
        return False
    with _refusing(path):
        saved = _VERSION in _keys(JsonStream(file, MAX_BYTES))
    file.seek(start)
    return saved


def _keys(document: JsonStream) -> Iterator[str]:
    """Yield the keys of a document, which is read as far as is asked for."""
    for key in document.members():
        yield key
        document.value()
    document.end()


Choice: TypeAlias = Callable[[Mapping[str, Address]], Iterable[str]]
"""Chooses nodes of a plan, by the names and addresses of all of them."""


def read_plan(file: BinaryIO, path: str, choose: Choice = tuple) -> Plan:
    """Read the parts of some nodes of a saved plan; UsageError (2) if it is something else, or a part is too large.

    The file is gone through a node at a time, and then at the parts that are chosen.
    """
    with _refusing(path):
        head, parts = _head_and_parts(JsonStream(file, MAX_BYTES))
        with of_format({_VERSION: head[_VERSION].value}, FORMAT_VERSION):
            chosen = choose({name: part.address for name, part in parts.items()})
            nodes = tuple(_node(parts[name], file) for name in chosen)
            cluster, spec = (_content(file, head[key].start, head[key].length) for key in ("cluster", "spec"))
            return Plan(host_name(str(cluster)), str(spec["path"]), str(spec["sha256"]), nodes)


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Raise UsageError (2) for what reading a file within a block raises that is not what podnet wrote."""
    try:
        yield
    except FormatError as error:
        raise UsageError(f"{path} has plan {error}: plan again with it") from error
    except TooLargeError as error:
        raise too_large(f"{path}: the part of one node") from error
    except INVALID_JSON_VALUE as error:
        raise UsageError(explained(error, path, "a plan that podnet saved")) from error


class _NodePart(NamedTuple):
    """A node of a plan: its number and its address, and where all else that the file says of it is."""

    number: int
    address: Address
    start: int
    length: int


def _head_and_parts(document: JsonStream) -> tuple[dict[str, Part], dict[str, _NodePart]]:
    """Go through a plan, and return what it says of all nodes by its keys, and the part of each node by its name."""
    head: dict[str, Part] = {}
    parts: dict[str, _NodePart] = {}
    for key in document.members():
        if key == _NODES:
            head[key] = Part(None, 0, 0)
            for number, part in enumerate(document.items()):
                with within(f"{_NODES}[{number}]"):
                    name = str(part.value["node"])
                    if name in parts:
                        raise ValueError(f"the node {name} stands twice")
                    parts[name] = _NodePart(number, Address.parse(part.value["address"]), part.start, part.length)
        else:
            head[key] = document.value()
        if key == _VERSION:
            check_format({_VERSION: head[key].value}, FORMAT_VERSION)
    document.end()
    for key in (_VERSION, _NODES):
        if key not in head:
            raise KeyError(key)
    return head, parts


def _node(part: _NodePart, file: BinaryIO) -> NodePlan:
    with within(f"{_NODES}[{part.number}]"):
        return _node_from_json(_content(file, part.start, part.length))


def _content(file: BinaryIO, start: int, length: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Read a part of a file by itself, with its texts as they are."""
    file.seek(start)
    return json.loads(file.read(length).decode(errors="surrogateescape"))


def _node_to_json(node: NodePlan) -> Json:
    data = {
        "node": node.node,
        "address": str(node.address),
        "source": node.source.value,
        "backend": node.backend.value,
        "fingerprint": node.fingerprint,
        "depends": dict(node.depends),
        "changes": [change_to_json(change, _fields(change)) for change in node.changes],
        "effects": [effect.to_json() for effect in node.effects],
        "traffic": [class_to_json(traffic) for traffic in node.traffic],
        "warnings": list(node.warnings),
        "refusals": list(node.refusals),
    }
    optional = {
        "adopts": node.adopts,
        "checks": [check.to_json() for check in node.checks],
        "persist": node.persist,
        "puts_back": node.puts_back,
        "sysctls": list(node.sysctls),
        "traced_on": node.traced_on,
        "waiting": [sysctl.to_json() for sysctl in node.waiting],
    }
    return {**data, **{key: value for key, value in optional.items() if value}, **hooks_to_json(node.hooks)}


def _fields(change: Change[Resource]) -> list[Json]:
    return [field.to_json() for field in field_changes(change)] if change.action is Action.UPDATE else []


def _node_from_json(data: Json) -> NodePlan:
    adopts, puts_back = bool(data.get("adopts", False)), bool(data.get("puts_back", False))
    return NodePlan(
        node=host_name(str(data["node"])),
        address=Address.parse(data["address"]),
        source=Source(data["source"]),
        backend=FirewallBackend(data["backend"]),
        changes=_changes_from_json(data["changes"], adopts=adopts, puts_back=puts_back),
        depends={str(part): str(digest) for part, digest in data["depends"].items()},
        warnings=tuple(map(str, data["warnings"])),
        refusals=tuple(map(str, data["refusals"])),
        checks=tuple(map(Check.from_json, data.get("checks", ()))),
        persist=str(data["persist"]) if data.get("persist") else None,
        adopts=adopts,
        puts_back=puts_back,
        sysctls=tuple(_sysctl(name) for name in data.get("sysctls", ())),
        waiting=tuple(map(Sysctl.from_json, data.get("waiting", ()))),
        hooks=hooks_from_json(data),
        traffic=tuple(class_from_json(traffic) for traffic in data.get("traffic", ())),
    )


def _sysctl(name: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Read the name of a parameter; ValueError if it leads elsewhere: it is read and, after a reboot, written."""
    return Sysctl.from_json({"name": name, "value": ""}).name


def _changes_from_json(data: Iterable[Json], *, adopts: bool, puts_back: bool) -> tuple[Change[Resource], ...]:
    changes = tuple(read_all("changes", data, change_from_json))
    links = {change.resource.key for change in changes if isinstance(change.resource, Link) and _adopts(change)}
    for change in changes:
        put_back = puts_back and isinstance(change.resource, Route) and _adopts(change)
        adopted = adopts and (_adopts(change) or _goes_with(change, links))
        if not (_may_be_planned(change) or put_back or adopted):
            raise ValueError(f"podnet must not {change.action} {change.resource}")
    return changes


def _may_be_planned(change: Change[Resource]) -> bool:
    """Whether podnet plans such changes: of objects of ours, of sysctls, and of foreign rules that go."""
    if change.resource.kind == "sysctl" or (change.resource.kind == "rule" and change.action is Action.DELETE):
        return True
    return all(side.ours for side in (change.before, change.after) if side is not None)


def _adopts(change: Change[Resource]) -> bool:
    """Whether another program's link or route becomes ours; a route that the kernel keeps itself never does."""
    if isinstance(change.before, Route) and change.before.connected:
        return False
    taken = isinstance(change.resource, Link | Route) and change.before is not None and not change.before.ours
    return taken and change.after is not None and change.after.ours


def _goes_with(change: Change[Resource], links: Collection[Hashable]) -> bool:
    """Whether another program's route is deleted because its link is adopted."""
    route = change.resource
    return isinstance(route, Route) and not route.connected and change.after is None and route.oif in links
