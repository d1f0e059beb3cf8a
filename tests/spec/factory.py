"""Specs for tests: what a test does not name is right."""

from __future__ import annotations

from netplan.errors import Problem, SpecError
from netplan.spec.load import Spec, parse

HEAD = {"version": "1", "cluster": "c", "network": "172.7.0.0/16", "backend": "{type: host-gw}"}
A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"
FAR = "c: {address: 10.9.9.9/24, subnet: 172.7.23.0/24}"
"""A node on another segment."""
NODES = (A, B)


def spec_text(*nodes: str, **keys: str | None) -> str:
    """Write a spec: one line a key, in the order of HEAD and then as given (None leaves a key out), the nodes last."""
    lines = [f"{key}: {value}" for key, value in {**HEAD, **keys}.items() if value is not None]
    return "\n".join([*lines, "nodes:", *(f"  {node}" for node in nodes or NODES), ""])


def load(*nodes: str, **keys: str | None) -> Spec:
    """Load the spec that `spec_text` writes."""
    return parse(spec_text(*nodes, **keys), "s.yaml")


def problems(text: str) -> tuple[Problem, ...]:
    """Return the problems of a text, none if it is a valid spec."""
    try:
        parse(text, "s.yaml")
    except SpecError as error:
        return error.problems
    return ()


def mistakes(*nodes: str, **keys: str | None) -> list[str]:
    """Return the messages about the spec that `spec_text` writes."""
    return [problem.message for problem in problems(spec_text(*nodes, **keys))]


def only_problem(text: str) -> Problem:
    """Return the one problem of a text; more or fewer fail the test."""
    (problem,) = problems(text)
    return problem


def cursor(text: str, needle: str, occurrence: int = 1) -> str:
    """Return the place in a text where a needle stands, as messages write it."""
    start = -1
    for _ in range(occurrence):
        start = text.index(needle, start + 1)
    before = text[:start].split("\n")
    return f"s.yaml:{len(before)}:{len(before[-1]) + 1}"


def related(text: str) -> list[str]:
    """Return the other places of the one problem of a text."""
    return [str(at) for at, _ in only_problem(text).related]


def vxlan(*nodes: str, more: str = "", **keys: str) -> str:
    """Write a spec whose nodes, by default a and b, reach each other by a tunnel."""
    return spec_text(*nodes, backend=f"{{type: vxlan{more}}}", **keys)


def saying(more: str, node: str = A) -> str:
    """Write a node with one more key."""
    return node.replace("}", f", {more}}}")
