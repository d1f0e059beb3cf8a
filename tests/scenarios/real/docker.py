"""A real dockerd on a node of a lab."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import read
from netplan.system.programs import require
from tests.scenarios.node import SPEC

NODE: Final = "hdss7-21"
_READY_SECONDS: Final = 20
_CGROUPS: Final = Path("/sys/fs/cgroup")


@contextmanager
def story_lab() -> Iterator[Lab]:
    """Return the cluster of the story, with nothing on its nodes and the tutorials' static routes on its router."""
    topology = replace(read(SPEC).topology, cluster=f"real-{os.getpid()}")
    with Lab.temporary(topology, spec=str(SPEC)) as lab:
        for number in ("21", "22"):
            lab.run("router", ["ip", "route", "add", f"172.7.{number}.0/24", "via", f"10.4.7.{number}"])
        yield lab


@contextmanager
def started(lab: Lab, folder: Path) -> Iterator[Docker]:
    """Return a dockerd that runs on a node of the lab until the block ends."""
    docker = Docker(lab, NODE, folder)
    try:
        docker.start()
        yield docker
    finally:
        docker.stop()


def without_removal(folder: Path) -> Path:
    """Return the story's spec, but docker's rule may stay."""
    path = folder / "keep.yaml"
    lines = SPEC.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "MASQUERADE" not in line))
    return path


class Docker:
    """A daemon whose containers stand behind the node's own bridge; its data lie in a folder of the test's.

    A lab's hosts share the machine's control groups: the containers' are below one of a name that no other docker has.
    """

    def __init__(self, lab: Lab, node: str, folder: Path) -> None:
        self.lab, self.node, self.folder = lab, node, folder
        self.cgroup = f"podnet-real-{os.getpid()}"
        self._daemon: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{option}={self.folder / name}" for option, name in options.items()]
        words += [f"-H={self._socket}", "--storage-driver=vfs", f"--cgroup-parent=/{self.cgroup}"]
        words += ["--bip=172.7.21.1/24", "--fixed-cidr=172.7.21.128/25"]  # the lab's own pods have the lowest addresses
        argv = [require("dockerd", "docker.io"), *words]
        with (self.folder / "log").open("a") as log:
            self._daemon = self.lab.popen(self.node, argv, stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_SECONDS
        while self._try("info").returncode != 0:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def stop(self) -> None:
        """End the daemon and its containers, as `systemctl stop docker` does."""
        if self._daemon is not None:
            self.lab.run(self.node, ["sh", "-c", f"kill $(cat {self.folder / 'pid'})"], check=False)
            self._daemon.wait(timeout=_READY_SECONDS)
            self._daemon = None
        for group in sorted(_CGROUPS.glob(f"**/{self.cgroup}/**"), reverse=True):
            group.rmdir()

    def restart(self) -> None:
        """End the daemon and start it again."""
        self.stop()
        self.start()

    def run(self, *words: str) -> str:
        """Run the docker client and give what it printed."""
        done = self._try(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def publish(self) -> None:
        """Start a container that serves HTTP on port 80, published as 8080."""
        image = self.folder / "image.tar"
        with tarfile.open(image, "w") as archive:
            archive.add(require("busybox", "busybox-static"), "bin/busybox")
        self.run("import", str(image), "box")
        options = ["--detach", "--publish=8080:80", "--stop-signal=SIGKILL"]  # as process 1, httpd hears no SIGTERM
        self.run("run", *options, "box", "/bin/busybox", "httpd", "-f", "-p", "80")

    @property
    def _socket(self) -> str:
        return f"unix://{self.folder / 'socket'}"

    def _try(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.lab.run(self.node, [require("docker", "docker.io"), "-H", self._socket, *words], check=False)
