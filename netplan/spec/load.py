"""The way in: a file, or its text, becomes a valid spec, or an error that shows every mistake with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from netplan.errors import Location, Problem, UsageError
from netplan.net import printable
from netplan.spec.checks import check
from netplan.spec.document import Document, Key, Places, compose
from netplan.spec.draft import make_draft
from netplan.spec.explain import explain
from netplan.spec.model import ClusterSpec, NodeSpec
from netplan.spec.problems import LINE_BREAK, spec_error
from netplan.topology import Node, Topology

MAX_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Spec:
    """A valid cluster spec, and where each of its keys stands."""

    model: ClusterSpec
    path: str
    sha256: str
    places: Places = field(repr=False)

    def at(self, *keys: Key) -> Location:
        """Give the place of a key, or of its nearest ancestor that the file has."""
        return self.places.key(*keys)

    @cached_property
    def topology(self) -> Topology:
        """The cluster's nodes, each with the defaults for what it does not say itself."""
        nodes = tuple(self._node(name, node) for name, node in self.model.nodes.items())
        return Topology(self.model.cluster, self.model.network, nodes)

    def _node(self, name: str, node: NodeSpec) -> Node:
        if node.subnet is None:
            raise UsageError(f"{self.at('nodes', name)}: node {name} has no subnet")
        defaults = self.model.defaults
        return Node(
            name=name,
            address=node.address,
            subnet=node.subnet,
            interface=node.interface or defaults.interface,
            bridge=node.bridge or defaults.bridge,
            at=self.at("nodes", name),
            mtu=node.mtu or defaults.mtu,
            public_address=node.public_address,
        )


def parse(text: str, path: str) -> Spec:
    """Read a spec from its text; SpecError has every mistake, and `path` is the file's name in the places."""
    document = compose(text, path)
    model, mistakes = _validate(document)
    problems = [*document.problems, *mistakes, *check(make_draft(document, model.nodes if model else None))]
    if model is None or problems:
        raise spec_error(problems, path, text)
    return Spec(model, path, sha256(text.encode()).hexdigest(), document.places)


def read(path: Path) -> Spec:
    """Read a spec from its file; UsageError says why the file can't be read, SpecError what is wrong in it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{printable(str(path))}: {reason}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{printable(str(path))}: larger than {MAX_BYTES >> 20} MiB; this is no cluster spec")
    return parse(_decode(content, str(path)), str(path))


def _validate(document: Document) -> tuple[ClusterSpec | None, Iterable[Problem]]:
    try:
        return ClusterSpec.model_validate(document.data), ()
    except ValidationError as error:
        return None, explain(error.errors(include_url=False), document.places)


def _decode(content: bytes, path: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        lines = LINE_BREAK.split(before.removeprefix("\ufeff"))
        at = Location(path, len(lines), len(lines[-1]) + 1)
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        raise spec_error(
            [Problem(at, message, "save the file as UTF-8")], path, content.decode(errors="replace")
        ) from error
