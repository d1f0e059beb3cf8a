"""A lab that is up: built from a topology, found again by its cluster's name, and a place to run commands in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TypeAlias

from msgspec import Struct

from netplan.errors import UsageError
from netplan.lab import holder
from netplan.lab.construct import Progress, construct
from netplan.lab.holder import Holder
from netplan.lab.layout import Host, HostKind, lay_out
from netplan.lab.status import HostStatus, read_status
from netplan.net import InterfaceAddress
from netplan.spec.topology import Topology
from netplan.text import did_you_mean

_Stream: TypeAlias = IO[str] | int | None


class Lab(Struct, frozen=True):
    """A cluster's lab on this machine; `spec` is the path that it was made from, as it was given."""

    holder: Holder
    spec: str
    hosts: tuple[Host, ...]

    @classmethod
    def up(cls, topology: Topology, *, pods: int = 2, spec: str = "", progress: Progress | None = None) -> Lab:
        """Build the lab of a cluster with so many pods on each node; if that fails, nothing is left of it.

        UsageError if it is up already or the topology leaves no room for it; RefusedError if a program is missing or
        the kernel does not allow it.
        """
        with _built(topology, pods, spec, progress) as (building, lab):
            building.keep()
        return lab

    @classmethod
    @contextmanager
    def temporary(cls, topology: Topology, *, pods: int = 2, spec: str = "") -> Iterator[Lab]:
        """Build a lab as `up` does, for the length of a block; it ends with this process, even if that is killed."""
        with _built(topology, pods, spec) as (_, lab):
            yield lab

    @classmethod
    def find(cls, cluster: str) -> Lab:
        """Return the lab of a cluster; UsageError if it is not up."""
        running = holder.find(cluster)
        if running is None:
            raise UsageError(f"lab {cluster} is not up: start it with podnet lab up")
        return _from_record(running, running.record())

    @property
    def cluster(self) -> str:
        """The name of the lab, which is that of its cluster."""
        return self.holder.name

    def host(self, name: str) -> Host:
        """Return a host; UsageError names those that there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        names = [host.name for host in self.hosts]
        close = did_you_mean(name, names)
        hints = [f"did you mean {close}?"] if close else []
        raise UsageError("; ".join([f"lab {self.cluster} has no host {name}", *hints, f"it has {', '.join(names)}"]))

    def command(self, host: str, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` on a host, for any way to start a process; UsageError if there is none.

        It keeps the terminal, the working directory, the environment, the exit code and signals; see `enter`.
        """
        return self.holder.command(self.host(host).name, argv)

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, text: str = "", timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host to its end, with `text` on its standard input, and give what it printed.

        RefusedError if it does not end in time or, with `check`, does not exit with 0.
        """
        return self.holder.run(self.host(host).name, argv, check=check, text=text, timeout=timeout)

    def popen(
        self,
        host: str,
        argv: Sequence[str],
        *,
        stdin: _Stream = None,
        stdout: _Stream = None,
        stderr: _Stream = None,
    ) -> subprocess.Popen[str]:
        """Start a command on a host and go on; it ends with the lab, with this process object's, or by itself."""
        return subprocess.Popen(self.command(host, argv), stdin=stdin, stdout=stdout, stderr=stderr, text=True)

    def status(self) -> tuple[HostStatus, ...]:
        """Read the devices of every host, in the order of `hosts`; a host whose namespace is gone has none."""
        return read_status(self.holder, self.hosts)

    def down(self) -> None:
        """End the lab, with every process in it; nothing of it is left."""
        self.holder.end()


@contextmanager
def _built(
    topology: Topology, pods: int, spec: str, progress: Progress | None = None
) -> Iterator[tuple[holder.Building, Lab]]:
    """Return a lab that is ready, and the means to keep it beyond the block."""
    layout = lay_out(topology, pods)
    with holder.building(topology.cluster) as building:
        lab = Lab(building.holder, spec, tuple(wiring.host for wiring in layout.wirings))
        construct(building.holder, layout, progress)
        building.publish(_to_record(lab))
        yield building, lab


def _to_record(lab: Lab) -> str:
    hosts = [{"name": host.name, "kind": host.kind, "addresses": list(map(str, host.addresses))} for host in lab.hosts]
    return json.dumps({"spec": lab.spec, "hosts": hosts})


def _from_record(running: Holder, record: str) -> Lab:
    data = json.loads(record)
    return Lab(
        running,
        data["spec"],
        tuple(
            Host(host["name"], HostKind(host["kind"]), tuple(map(InterfaceAddress.parse, host["addresses"])))
            for host in data["hosts"]
        ),
    )
