"""The way in: a file, or its text, becomes a valid spec, or an error that shows every mistake with its place."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from pydantic import ValidationError

from netplan.errors import Location, Problem, SpecError, UsageError
from netplan.net import Prefix
from netplan.spec.constraints import check
from netplan.spec.constraints.subnets import check_subnets_present
from netplan.spec.draft import Draft, make_draft
from netplan.spec.explain import explain
from netplan.spec.fields import AUTO, read_name, read_nodes_path
from netplan.spec.lease_file import STATE, Leases, leases_path, parse_leases
from netplan.spec.model import ClusterSpec, NodeSpec
from netplan.spec.nodesfile import NodesFile, parse_nodes, with_nodes
from netplan.spec.salvage import salvaged
from netplan.spec.topology import USUAL_MTU, Node, Topology
from netplan.spec.yaml.document import Document, compose
from netplan.spec.yaml.places import Key, Places
from netplan.spec.yaml.problems import LINE_BREAK, spec_error
from netplan.system import files
from netplan.system.files import Judge, anything

Lookup: TypeAlias = Callable[[str], Leases]
"""Finds the leases of a cluster by its name."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the search for cycles: a big spec makes a million values without one, and they were searched often."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Spec(Struct, frozen=True, dict=True):
    """A valid cluster spec, and where each of its keys stands.

    `subnets` are those of its nodes, also the leased ones; `written` are the keys that the file writes in another way
    than the model, by the paths of the model. `sha256` is of the file, followed by the file of its nodes
    if there is one, and by that of the leases if any node has a leased subnet.
    """

    model: ClusterSpec
    path: str
    sha256: str
    places: Places
    subnets: Mapping[str, tuple[Prefix, ...]]
    written: Mapping[tuple[Key, ...], tuple[Key, ...]]

    def at(self, *keys: Key) -> Location:
        """Return the place of a key, or of its nearest ancestor that the file has."""
        return self.places.key(*self.written.get(keys, keys))

    @cached_property
    def topology(self) -> Topology:
        """The cluster's nodes, each with the defaults for what it does not say itself."""
        places = self.places.below("nodes")
        nodes = tuple(self._node(name, node, places.key(name)) for name, node in self.model.nodes.items())
        return Topology(self.model.cluster, self.model.networks, nodes)

    def _node(self, name: str, node: NodeSpec, at: Location) -> Node:
        defaults = self.model.defaults
        mtu = node.mtu or defaults.mtu
        return Node(
            name=name,
            addresses=tuple(address for address in (node.address, node.ipv6_address) if address is not None),
            subnets=self.subnets[name],
            interface=node.interface or defaults.interface,
            bridge=node.bridge or defaults.bridge,
            at=at,
            mtu=USUAL_MTU if mtu == AUTO else mtu,
            public_address=node.public_address,
            mtu_assumed=mtu == AUTO,
        )


class Reading(Struct, frozen=True, dict=True):
    """The text of a spec, understood as far as it is right, and the leases of its cluster."""

    text: str
    document: Document
    model: ClusterSpec | None
    mistakes: tuple[Problem, ...]
    leases: Leases
    nodes: NodesFile | None = None

    @property
    def path(self) -> str:
        """The name of the file."""
        return self.document.places.path

    @cached_property
    def draft(self) -> Draft:
        """What the constraints look at."""
        return make_draft(self.document, self.model.nodes if self.model else None, self.leases)

    def problems(self) -> list[Problem]:
        """Return every mistake of the spec and the leases; nodes without a subnet are none."""
        return [*self.document.problems, *self.mistakes, *self.leases.problems, *check(self.draft)]

    def error(self, problems: Iterable[Problem]) -> SpecError:
        """Make the error that reports problems of the spec, its nodes and the leases, with their lines."""
        nodes = {self.nodes.path: self.nodes.text} if self.nodes else {}
        return spec_error(problems, self.path, self.text, {**nodes, self.leases.path: self.leases.text})

    @_uncollected()
    def judge(self, *, complete: bool = True) -> Spec:
        """Return the spec if it is valid, or else SpecError; a complete one has a subnet for each node."""
        problems = [*self.problems(), *(check_subnets_present(self.draft) if complete else ())]
        if self.model is None or problems:
            raise self.error(problems)
        leased = any(self.draft.leased(name, version) for name in self.leases.entries for version in (4, 6))
        nodes = self.nodes.text if self.nodes else ""
        digest = sha256((self.text + nodes + (self.leases.text if leased else "")).encode()).hexdigest()
        written = {(*path[:-1], name): path for path, (name, _) in self.draft.sysctls.items()}
        return Spec(self.model, self.path, digest, self.document.places, self.draft.subnets, written)


def parse(text: str, path: str, lookup: Lookup | None = None) -> Spec:
    """Read a spec from its text; SpecError has every mistake, and `path` is the file's name in the places."""
    return understand(text, path, lookup).judge()


@_uncollected()
def understand(text: str, path: str, lookup: Lookup | None = None, judge: Judge = anything) -> Reading:
    """Read a spec from its text and judge nothing yet; SpecError if it is no YAML.

    Without `lookup` nothing is leased. A file of nodes that the spec names is read too, and judged before that.
    """
    document = compose(text, path)
    nodes = _nodes_file(document, text, judge)
    document = with_nodes(document, nodes) if nodes else document
    model, mistakes = _validate(document)
    return Reading(text, document, model, tuple(mistakes), _leases(document, lookup), nodes)


@_uncollected()
def read(path: Path, state: Path = Path(STATE), judge: Judge = anything) -> Spec:
    """Read a spec from its file and the leases below a state folder, each of which `judge` looks at first.

    UsageError says why a file can't be read, SpecError what is wrong in it.
    """
    return read_unjudged(path, state, judge).judge()


def read_unjudged(path: Path, state: Path | None, judge: Judge = anything) -> Reading:
    """Read a spec from its file and, if there is a state folder, the leases below it; judge nothing in it yet."""
    lookup = None if state is None else lambda name: read_leases(state, name, judge)
    return understand(_read_text(path, judge), str(path), lookup, judge)


def read_leases(state: Path, cluster: str, judge: Judge = anything) -> Leases:
    """Read the leases of a cluster below a state folder; there are none if there is no file."""
    path = Path(leases_path(state, cluster))
    try:
        text = _read_text(path, judge)
    except UsageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return Leases(str(path))
        raise
    return parse_leases(text, str(path))


def _nodes_file(document: Document, text: str, judge: Judge) -> NodesFile | None:
    """Read the file of nodes that a spec names, if it does; SpecError if it can't be read, or nothing of it."""
    named = salvaged(read_nodes_path, document.data.get("nodes_file"))
    if named is None:
        return None
    path = Path(document.places.path).parent / named
    try:
        nodes = parse_nodes(_read_text(path, judge, regular=True), str(path))
    except SpecError:
        raise
    except UsageError as error:
        problem = Problem(document.places.value("nodes_file"), f"nodes_file: {error}")
        raise spec_error([*document.problems, problem], document.places.path, text) from error
    if nodes.problems and not nodes.nodes:
        raise spec_error([*document.problems, *nodes.problems], document.places.path, text, {nodes.path: nodes.text})
    return nodes


def _leases(document: Document, lookup: Lookup | None) -> Leases:
    if lookup is None:
        return Leases()
    try:
        cluster = read_name(document.data.get("cluster"))
    except ValueError:
        return Leases(known=False)
    return lookup(cluster)


def _read_text(path: Path, judge: Judge, *, regular: bool = False) -> str:
    """Read a text; with `regular` from a file only: a pipe or a device that a spec names may have no end."""
    return _decode(files.read(path, judge, regular=regular), str(path))


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
