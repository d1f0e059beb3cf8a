"""Other programs that change a node's rules while podnet works, as docker and kube-proxy do, twenty times a second.

Those of IPv6 are the same ones, said of IPv6.
"""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

from msgspec import Struct, field

from tests.lab.inside import inside
from tests.scenarios import in_ipv6
from tests.scenarios.inserts import PAUSE, RATE
from tests.scenarios.node import Node

LIVE: Final = 12
_TRIES: Final = 50
_PATIENCE: Final = 60.0


class Placed(NamedTuple):
    """A rule of theirs, and whether it was put on top of its chain or at its end."""

    table: str
    chain: str
    rule: str
    top: bool


def docker(number: int) -> Iterator[Placed]:
    """Return what docker writes for one more container with a published port; every fifth has a network of its own."""
    pod, port = f"172.7.21.{number % 250 + 4}/32", 1024 + number % 60000
    match = f"-p tcp -m tcp --dport {port}"
    if number % 5 == 0:
        bridge = f"br-{number}"
        yield Placed("nat", "POSTROUTING", f"-s 172.20.{number % 250 + 1}.0/24 ! -o {bridge} -j MASQUERADE", top=True)
        yield Placed("filter", "FORWARD", f"-i {bridge} ! -o {bridge} -j ACCEPT", top=True)
    yield Placed("nat", "POSTROUTING", f"-s {pod} -d {pod} {match} -j MASQUERADE", top=False)
    yield Placed("nat", "DOCKER", f"! -i docker0 {match} -j DNAT --to-destination {pod[:-3]}:80", top=False)
    yield Placed("filter", "DOCKER", f"-d {pod} ! -i docker0 -o docker0 {match} -j ACCEPT", top=False)


class Others(Struct):
    """What they have written so far: of each chain their rules in order, of those on top and of those at the end."""

    backend: str
    version: int = 4
    live: list[Placed] = field(default_factory=list)
    services: int = 0
    changes: int = 0

    def run(self, channel: Connection) -> Others:
        """Change rules until it is told to stop."""
        coming = itertools.chain.from_iterable(docker(number) for number in itertools.count(1))
        pause = 0.0
        while not channel.poll(pause):
            start = time.monotonic()
            if self.changes % 5 == 4:
                self._sync()
            elif len(self.live) >= LIVE and self.changes % 2:
                self._change("-D", self.live.pop(0))
            else:
                placed = self._said(next(coming))
                self._change("-I" if placed.top else "-A", placed)
                self.live.append(placed)
            self.changes += 1
            took = time.monotonic() - start
            pause = max(pause, 1 / RATE - took, PAUSE * took)
        return self

    @property
    def jumps(self) -> list[str]:
        """Return the rules that should be in the chain of services, one for each so far."""
        return [
            self._words(f"-d 10.96.{1 + n // 250}.{n % 250}/32 -p tcp -j KUBE-SVC-{n}") for n in range(self.services)
        ]

    def rules(self, table: str, chain: str) -> list[str]:
        """Return the rules that should be in a chain, those on top first."""
        mine = [rule for rule in self.live if (rule.table, rule.chain) == (table, chain)]
        top = [rule.rule for rule in reversed(mine) if rule.top]
        return [*top, *(rule.rule for rule in mine if not rule.top)]

    @property
    def _iptables(self) -> str:
        return f"{'iptables' if self.version == 4 else 'ip6tables'}-{self.backend}"

    def _words(self, rule: str) -> str:
        return rule if self.version == 4 else in_ipv6.words(rule)

    def _said(self, placed: Placed) -> Placed:
        return placed._replace(rule=self._words(placed.rule))

    def _change(self, verb: str, placed: Placed) -> None:
        words = ("-w", "10", "-t", placed.table, verb, placed.chain, *placed.rule.split())
        self._program(self._iptables, *words)

    def _sync(self) -> None:
        """Write the chain of services anew and add one, as kube-proxy does, in one transaction."""
        self.services += 1
        new = f"KUBE-SVC-{self.services - 1}"
        lines = ["*nat", ":KUBE-SERVICES - [0:0]", f":{new} - [0:0]", f"-A {new} -j RETURN"]
        lines += [f"-A KUBE-SERVICES {rule}" for rule in self.jumps]
        words = (f"{self._iptables}-restore", "-w", "10", "--noflush")
        self._program(*words, text="\n".join([*lines, "COMMIT", ""]))

    def _program(self, *words: str, text: str = "") -> None:
        """Run a program; where another one was quicker it is run again, as docker and kube-proxy do it."""
        for _ in range(_TRIES):
            done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            time.sleep(0.01)
        raise AssertionError(f"{words}: {done.stderr}")


class Company:
    """The other programs of a node, at work."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel

    def stop(self) -> Others:
        """Stop them, and give what they have written."""
        self._channel.send("stop")
        assert self._channel.poll(_PATIENCE), "they do not end"
        others: Others = self._channel.recv()
        return others


@contextmanager
def company(node: Node, version: int = 4) -> Iterator[Company]:
    """Let other programs change a node's rules of an IP version for the length of a block."""
    ours, theirs = get_context("fork").Pipe()

    def work() -> None:
        theirs.send(inside(node.lab, node.name, Others(node.backend, version).run, theirs))

    process = get_context("fork").Process(target=work, daemon=True)
    process.start()
    try:
        yield Company(ours)
    finally:
        process.kill()
        process.join()
