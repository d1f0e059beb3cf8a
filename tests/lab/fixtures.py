"""Labs for tests; a conftest takes them in with `from tests.lab.fixtures import lab, make_lab`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from netplan.lab import Lab
from netplan.spec.topology import Topology
from tests.lab.topologies import two_segments

MakeLab: TypeAlias = Callable[[Topology], Lab]


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One lab for all tests that change nothing in it: n1 and n2 on one segment, n3 on another, two pods each."""
    with Lab.temporary(two_segments()) as shared:
        yield shared


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """A way to labs of the test's own; they end with the test."""
    with ExitStack() as stack:
        yield lambda topology: stack.enter_context(Lab.temporary(topology))
