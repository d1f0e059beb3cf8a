"""Runs of podnet on a node of the racks that are killed, refused or cut off by a reboot at one of their writes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.lab import Lab
from tests.scenarios.podnet import Outcome, argv, podnet
from tests.scenarios.racks import Cluster, Racks
from tests.scenarios.strace import Point, injected, points

NODE: Final = "r1-n1"
TRIES: Final = 5
PATIENCE: Final = 30

_EMPTY: Final = """
for pid in $(pgrep -f 'internal[ ]guard'); do
    [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] || kill -9 $pid
done
"""
_FORGET: Final = 'rm -rf "$PODNET_VAR_DIR"; mkdir -p -m 700 "$PODNET_VAR_DIR"'
_OTHER_BOOT: Final = (
    'sed -i "s/\\"boot_id\\": *\\"/&not /" "$PODNET_VAR_DIR"/generations/*.json "$PODNET_VAR_DIR"/journal.json || true'
)
_LOOK: Final = """
iptables-legacy-save | grep -E '^(-A|:PODNET)' || true
ip6tables-legacy-save | grep -E '^(-A|:PODNET)' || true
for version in 4 6; do
    ip -$version route show table all proto 112
done
sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding
for setting in accept_local rp_filter accept_ra forwarding; do
    grep -s . /proc/sys/net/ipv[46]/conf/podnet.1/$setting || true
done
"""

DAMAGE: Final = """
route=$(ip -4 route show proto 112 | head -1)
prefix=${route%% *}
ip route prepend $prefix via 10.60.1.254 dev eth0 proto 112
ip route append $prefix via 10.60.1.253 dev eth0 proto 112
echo 0 > /proc/sys/net/ipv4/ip_forward
! ip link show podnet.1 || ip link set podnet.1 mtu 1400
iptables-BACKEND -F PODNET-FORWARD
"""
"""What another program does to a node: among others it leaves three routes of one key."""


class Host(Struct, frozen=True):
    """The node of the racks on which the runs are made."""

    racks: Racks
    cluster: Cluster
    folder: Path

    @property
    def lab(self) -> Lab:
        """Return the lab of the racks."""
        return self.racks.lab

    @property
    def name(self) -> str:
        """Return the name of the node in the lab."""
        return NODE

    def file(self, name: str, text: str) -> Path:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(text)
        return path

    def podnet(self, *words: str | Path) -> Outcome:
        """Run podnet on the node."""
        return podnet(self.lab, NODE, *words)

    def must(self, *words: str | Path) -> None:
        """Run podnet on the node, which does what it is asked for."""
        done = self.podnet(*words)
        assert done.code == 0, done

    def apply(self, text: str) -> None:
        """Make the node what a text says."""
        self.must("apply", self.file("prepared.yaml", text), "--node", NODE, "--yes")

    def empty(self) -> None:
        """Leave nothing of podnet's on the node but what it remembers, and end its guard."""
        self.racks.shell(NODE, _EMPTY)
        self.racks.reset([NODE])

    def fresh(self) -> None:
        """Leave nothing of podnet's on the node."""
        self.empty()
        self.racks.shell(NODE, _FORGET)

    def reboot(self) -> None:
        """Leave the node as another boot finds it."""
        self.empty()
        self.racks.shell(NODE, _OTHER_BOOT)

    def state(self) -> str:
        """Read what podnet may write, routes in the kernel's order."""
        return self.racks.state(NODE) + self.racks.shell(NODE, _LOOK)


class Story(NamedTuple):
    """A run of podnet, and how a node gets into the state from which it starts."""

    prepare: Callable[[Host], None]
    words: tuple[str, ...]


def applied(host: Host) -> None:
    """Make the node what its spec says."""
    host.fresh()
    host.apply(host.cluster.spec)


def booted(host: Host) -> None:
    """Leave the node as the boot after an apply finds it."""
    applied(host)
    host.reboot()


def applied_twice(host: Host) -> None:
    """Make the node what its spec says, and then what the later one says."""
    applied(host)
    host.apply(host.cluster.later)


def damaged(host: Host) -> None:
    """Make the node what its spec says, and let another program meddle with it."""
    applied(host)
    host.racks.shell(NODE, DAMAGE.replace("BACKEND", host.cluster.firewall))


def half_done(host: Host) -> None:
    """Leave an apply that was killed when it had written everything, and not said so."""
    host.fresh()
    words = ("apply", host.file("spec.yaml", host.cluster.spec), "--node", NODE, "--yes")
    last = [point for point in points(host, host.folder, *words) if point.changes_the_kernel][-1]
    host.fresh()
    done = injected(host, last, "signal=SIGKILL", *words)
    assert done.code == -signal.SIGKILL, done


def pending(host: Host) -> None:
    """Leave a state that waits for its confirm, and of which the guard and the apply are dead."""
    applied(host)
    words = ("apply", host.file("later.yaml", host.cluster.later), "--node", NODE, "--yes", "--confirm-within", "600")
    command = host.lab.command(NODE, argv(*words))
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        deadline = time.monotonic() + PATIENCE
        while '"verified"' not in host.racks.shell(NODE, 'cat "$PODNET_VAR_DIR/journal.json" 2>/dev/null || true'):
            assert run.poll() is None, run.returncode
            assert time.monotonic() < deadline, "nothing waits for a confirm"
            time.sleep(0.05)
        host.racks.shell(NODE, _KILL_ALL)


_KILL_ALL: Final = """
for pid in $(pgrep -f 'netplan[ ]apply|internal[ ]guard'); do
    [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] || kill -9 $pid
done
"""

STORIES: Final = {
    "apply": Story(Host.fresh, ("apply", "SPEC", "--node", NODE, "--yes")),
    "apply of a saved plan": Story(Host.fresh, ("apply", "PLAN", "--node", NODE, "--yes")),
    "drift --fix beside two more routes of a key": Story(damaged, ("drift", "SPEC", "--node", NODE, "--fix")),
    "rollback": Story(applied_twice, ("rollback", "--yes")),
    "remove": Story(applied, ("remove", "SPEC", "--node", NODE, "--yes")),
    "recover": Story(half_done, ("recover",)),
    "recover at boot": Story(booted, ("recover",)),
}
CONFIRM: Final = Story(pending, ("confirm",))
"""Killed without a reboot it waits on for its confirm."""


class Scene(Struct, frozen=True):
    """A story on the node: its command, every point in it, and the states it may end in, also after a reboot."""

    host: Host
    story: Story
    words: tuple[str, ...]
    points: list[Point]
    ends: tuple[str, str]
    booted: tuple[str, str]

    @classmethod
    def of(cls, host: Host, story: Story) -> Scene:
        """Play a story to its end and see where it leads."""
        files = {"SPEC": str(host.file("spec.yaml", host.cluster.spec)), "PLAN": str(host.folder / "plan.json")}
        words = tuple(files.get(word, word) for word in story.words)
        if "PLAN" in story.words:
            host.fresh()
            host.must("plan", files["SPEC"], "--live", "--node", NODE, "--out", files["PLAN"])
        story.prepare(host)
        if words == ("recover",):
            host.must("recover")
        before = host.state()
        rebooted = _rebooted(host)
        story.prepare(host)
        written = points(host, host.folder, *words)
        after = host.state()
        return cls(host, story, words, written, (before, after), (rebooted, _rebooted(host)))

    def telling(self) -> list[Point]:
        """Return the points at which the kernel or podnet's memory changes."""
        return [
            point for point in self.points if point.changes_the_kernel or point.call in ("rename", "link", "unlink")
        ]

    def writes(self) -> list[Point]:
        """Return these points, those at which it writes to the disk, and those at which a program is started."""
        return [point for point in self.points if point in self.telling() or point.call in ("fsync", "mkdir", "vfork")]

    def wrong(self, point: Point, what: str, *, reboot: bool = False) -> str:
        """Disturb the run at a point and recover; return what is wrong then, nothing if all is right."""
        done = self._disturb(point, what)
        if done is None:
            return f"{point}: it was never reached"
        if reboot:
            self.host.reboot()
        title = f"{point} {point.arguments[:60]} {what}{' and a reboot' if reboot else ''}, {done.code}"
        recovered = self.host.podnet("recover")
        if recovered.code != 0:
            return f"{title}: {recovered}"
        partly = done.code == 1  # a fix goes on without what the kernel refuses
        if not partly and self.host.state() not in (self.booted if reboot else self.ends):
            return f"{title}: {recovered.stdout}: neither before nor after:\n{self.host.state()}"
        return self._stuck(title)

    def _disturb(self, point: Point, what: str) -> Outcome | None:
        """Run to the point. A run may make a write more or fewer than another one: then it is made again."""
        for number in range(point.number, max(0, point.number - TRIES), -1):
            self.story.prepare(self.host)
            done = injected(self.host, point._replace(number=number), what, *self.words)
            if "KILL" not in what or done.code == -signal.SIGKILL:
                return done
        return None

    def _stuck(self, title: str) -> str:
        """Return what keeps the node from becoming what its spec says."""
        path = self.host.file("after.yaml", self.host.cluster.spec)
        done = self.host.podnet("apply", path, "--node", NODE, "--yes")
        return "" if done.code == 0 else f"{title}: stuck: {done}"


def _rebooted(host: Host) -> str:
    host.reboot()
    host.must("recover")
    return host.state()


def sweep(scene: Scene, chosen: Sequence[Point], what: str, *, reboot: bool = False) -> list[str]:
    """Disturb the run at each of some points and recover; return what was wrong."""
    return [wrong for point in chosen if (wrong := scene.wrong(point, what, reboot=reboot))]
