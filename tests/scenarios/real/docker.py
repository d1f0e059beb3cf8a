"""A real dockerd on a node of a lab."""

from __future__ import annotations

import subprocess
import tarfile
import time
from pathlib import Path

from netplan.lab import Lab
from netplan.system.programs import require

_READY_SECONDS = 20


class Docker:
    """A daemon whose containers stand behind the node's own bridge; its data lie in a folder of the test's."""

    def __init__(self, lab: Lab, node: str, folder: Path) -> None:
        self.lab, self.node, self.folder = lab, node, folder
        self._daemon: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{option}={self.folder / name}" for option, name in options.items()]
        argv = [require("dockerd", "docker.io"), "--bip=172.7.21.1/24", "--storage-driver=vfs", f"-H={self._socket}"]
        with (self.folder / "log").open("a") as log:
            self._daemon = self.lab.popen(self.node, [*argv, *words], stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_SECONDS
        while self._try("info").returncode != 0:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def stop(self) -> None:
        """End the daemon, as `systemctl stop docker` does."""
        if self._daemon is not None:
            self.lab.run(self.node, ["sh", "-c", f"kill $(cat {self.folder / 'pid'})"], check=False)
            self._daemon.wait(timeout=_READY_SECONDS)
            self._daemon = None

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
        self.run("run", "--detach", "--publish=8080:80", "box", "/bin/busybox", "httpd", "-f", "-p", "80")

    @property
    def _socket(self) -> str:
        return f"unix://{self.folder / 'socket'}"

    def _try(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.lab.run(self.node, [require("docker", "docker.io"), "-H", self._socket, *words], check=False)
