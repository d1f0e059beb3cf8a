"""The driver of the kind that tests/kinds/test_registry.py defines: what it observes of a kernel is nothing."""

from __future__ import annotations


def observe(reading):
    """Return no VLANs."""
    return ()


def write(writing, changes):
    """Refuse nothing."""
