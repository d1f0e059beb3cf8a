"""What a kernel answered about tables of nftables, kept in a file: to read those again needs no kernel.

`python -m tests.netfilter.nftables` records it anew, in network namespaces.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeAlias
from unittest.mock import patch

from netplan.netfilter.nftables.elements import Sets
from netplan.netfilter.nftables.expression import rules, sets
from netplan.system.netlink import netfilter
from netplan.system.netlink.channel import Channel
from netplan.system.programs import require
from tests.scratch import in_scratch

FILE = Path(__file__).with_name("recording.json")

Answers: TypeAlias = dict[str, list[str]]
"""The objects of each dump in hexadecimal, by its request."""


@contextmanager
def replayed(text: str) -> Iterator[None]:
    """Answer every dump as the kernel did that had loaded a table; AssertionError where it was not recorded."""
    recording = json.loads(FILE.read_text())
    assert text in recording, f"record it: python -m {__package__}"
    with patch.object(netfilter, "Channel", _Replay(recording[text])):
        yield


def record(text: str) -> Answers:
    """Load a table `t` in a namespace; return what the kernel answers of its chain `c` and of its sets."""
    return in_scratch(_load_and_read, text)


def _load_and_read(text: str) -> Answers:
    subprocess.run([require("nft", "nftables"), "-f", "-"], input=text, text=True, check=True)
    family = text.split()[1]
    recorder = _Recorder()
    with patch.object(netfilter, "Channel", recorder):
        rules(family, "t", "c")
        elements = Sets(family, "t")
        for name in sets(family, "t"):
            elements(name)
    return recorder.answers


def _key(kind: int, payload: bytes) -> str:
    return f"{kind:x} {payload.hex()}"


class _Replay:
    """A channel that answers from a recording."""

    def __init__(self, answers: Mapping[str, Sequence[str]]) -> None:
        self._answers = answers

    def __call__(self, family: int) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def dump(self, kind: int, payload: bytes, most: int | None = None) -> list[bytes]:
        return [bytes.fromhex(content) for content in self._answers[_key(kind, payload)]]


class _Recorder:
    """A kernel's channels, whose answers are kept."""

    def __init__(self) -> None:
        self.answers: Answers = {}

    def __call__(self, family: int) -> Channel:
        answers = self.answers

        class Recorded(Channel):
            def dump(self, kind: int, payload: bytes, most: int | None = None) -> list[bytes]:
                contents = super().dump(kind, payload, most)
                answers[_key(kind, payload)] = [content.hex() for content in contents]
                return contents

        return Recorded(family)
