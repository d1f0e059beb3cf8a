"""Whenever podnet is killed, recover brings the state before it or the state after it, and nothing between."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Sequence
from difflib import ndiff
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from msgspec import Struct

from tests.scenarios.node import Image, Node, State
from tests.scenarios.podnet import process
from tests.scenarios.strace import Point, injected, points, spread
from tests.scenarios.tools import first_in_path, links, wrap

SAMPLE: Final = 3
TRIES: Final = 5
DAMAGE: Final = """
ip route replace "$3" via 10.4.7.254 dev eth0 proto 112
ip route add 172.7.99.0/24 via 10.4.7.254 dev eth0 proto 112
iptables-$1 -t nat -I POSTROUTING -s $2 ! -o docker0 -j MASQUERADE
iptables-$1 -t nat -I PODNET-POSTROUTING -j RETURN
iptables-$1 -I FORWARD -j PODNET-FORWARD
iptables-$1 -N PODNET-OLD
echo 0 > /proc/sys/net/ipv4/ip_forward
"""

_REWIND: Final = """
echo "$1" > /proc/sys/net/ipv4/ip_forward
rm -rf "$PODNET_VAR_DIR"
cp -a "$2" "$PODNET_VAR_DIR"
"""


class Story(NamedTuple):
    """A run of podnet, and how a node gets into the state from which it starts."""

    prepare: Callable[[Node], None]
    words: tuple[str, ...]


def as_found(node: Node) -> None:
    node.reset()
    node.shell("echo 0 > /proc/sys/net/ipv4/ip_forward")


def as_applied(node: Node) -> None:
    as_found(node)
    done = node.apply()
    assert done.code == 0, done.stderr


def damaged(node: Node) -> None:
    as_applied(node)
    subnets = ["172.7.21.0/24", "172.7.22.0/24"]
    own, others = subnets if node.name == "hdss7-21" else subnets[::-1]
    node.shell(DAMAGE, node.backend, own, others)


STORIES: Final = {
    "create, and take foreign rules away": Story(as_found, ("apply", "SPEC", "--yes")),
    "update": Story(damaged, ("drift", "SPEC", "--fix")),
    "delete": Story(as_applied, ("remove", "SPEC", "--yes")),
    "put foreign rules back": Story(as_applied, ("rollback", "--yes")),
}
CREATES: Final = pytest.mark.parametrize("story", [next(iter(STORIES))], indirect=True)


class Start(Struct, frozen=True):
    """Where a story starts from: a node's rules, routes and forwarding, and what podnet remembers of it."""

    node: Node
    image: Image
    kept: Path
    forwarding: str

    def rewind(self) -> None:
        """Put the node into this state again."""
        self.node.load(self.image)
        self.node.shell(_REWIND, self.forwarding, str(self.kept))


class Scene(Struct, frozen=True):
    """A story on a node: the command, the states before and after it, and every point in it."""

    start: Start
    words: tuple[str, ...]
    before: State
    after: State
    points: list[Point]

    @property
    def node(self) -> Node:
        """The node on which it plays."""
        return self.start.node


def keep(node: Node, folder: Path) -> Start:
    """Keep the state that a node is in."""
    kept = folder / f"var-{node.name}"
    node.shell('cp -a "$PODNET_VAR_DIR" "$1"', str(kept))
    return Start(node, node.image(), kept, node.state().forwarding.split()[-1])


def make_scene(node: Node, story: Story, folder: Path) -> Scene:
    node.shell('rm -rf "$PODNET_VAR_DIR"; mkdir -p -m 700 "$PODNET_VAR_DIR"')
    story.prepare(node)
    start = keep(node, folder)
    start.rewind()
    before = node.state()
    words = tuple(str(node.spec) if word == "SPEC" else word for word in story.words)
    calls = points(node, folder, *words)
    return Scene(start, words, before, node.state(), calls)


def kill(scene: Scene, point: Point) -> str:
    """Kill the run at a point; give what is wrong then, nothing if all is right.

    A run may make a write fewer than the one that was counted, as files differ a little in length: the point is looked
    for again then, and the run is made again.
    """
    wanted = point
    for _ in range(TRIES):
        scene.start.rewind()
        done = injected(scene.node, wanted, "signal=SIGKILL", *scene.words)
        if done.code == -signal.SIGKILL:
            return ""
        wanted = found_again(scene, point)
    return f"{point}: it was not killed: {done}"


def found_again(scene: Scene, point: Point) -> Point:
    """Return the point of another run that is the same one of its kind, wherever it stands among all of its name."""

    def alike(calls: Sequence[Point]) -> list[Point]:
        kind = (point.call, point.changes_the_kernel)
        return [call for call in calls if (call.call, call.changes_the_kernel) == kind]

    scene.start.rewind()
    again = alike(points(scene.node, scene.start.kept.parent, *scene.words))
    return again[min(alike(scene.points).index(point), len(again) - 1)]


def recover(scene: Scene, point: Point) -> str:
    """Recover from a run that was killed at a point; give what is wrong then, nothing if all is right."""
    done = scene.node.podnet("recover", "--format", "json")
    if done.code != 0:
        return f"{point}: recover: {done}"
    causes = [recovery["found"] for recovery in json.loads(done.stdout)["recovered"]]
    state = scene.node.state()
    allowed = {"interrupted": [scene.before], "verified": [scene.after]}.get(
        "".join(causes), [scene.before, scene.after]
    )
    return "" if state in allowed else f"{point}: {causes}:\n{_differences(state, allowed[0])}"


def _differences(state: State, expected: State) -> str:
    return "\n".join(line for line in ndiff(_lines(expected), _lines(state)) if line[0] in "+-")


def _lines(state: State) -> list[str]:
    return "\n".join(state).splitlines()


def sweep(scene: Scene, chosen: Sequence[Point]) -> list[str]:
    """Kill the run at each of some points and recover; give what was wrong."""
    return [wrong for point in chosen if (wrong := kill(scene, point) or recover(scene, point))]


def telling(scene: Scene) -> list[Point]:
    """Return the points at which the kernel or podnet's memory changes."""
    return [point for point in scene.points if point.changes_the_kernel or point.call in ("rename", "link", "unlink")]


@pytest.fixture(scope="module", params=list(STORIES))
def story(request: pytest.FixtureRequest) -> Story:
    return STORIES[request.param]


@pytest.fixture(scope="module")
def scene(story, nodes, tmp_path_factory) -> Scene:
    return make_scene(nodes["hdss7-21"], story, tmp_path_factory.mktemp("scene"))


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_run_that_was_killed_is_before_or_after_once_it_is_recovered(scene):
    assert sweep(scene, spread(telling(scene), SAMPLE)) == []


@CREATES
@pytest.mark.parametrize("backend", ["legacy"], indirect=True)
def test_run_that_was_killed_beside_legacy_tables_is_before_or_after_once_it_is_recovered(scene):
    assert sweep(scene, spread(telling(scene), SAMPLE)) == []


def half_done(scene: Scene, folder: Path) -> Scene:
    """Kill the run at its last write to the kernel, and give the recovery from that as a scene of its own."""
    last = next(point for point in reversed(scene.points) if point.changes_the_kernel)
    assert kill(scene, last) == ""
    start = keep(scene.node, folder)
    return Scene(start, ("recover",), scene.before, scene.before, points(scene.node, folder, "recover"))


@CREATES
@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_recover_that_was_killed_is_run_again(scene, tmp_path):
    half = half_done(scene, tmp_path)
    assert sweep(half, spread(telling(half), SAMPLE)) == []


@pytest.mark.soak
def test_recover_that_was_killed_anywhere_is_run_again(scene, tmp_path):
    half = half_done(scene, tmp_path)
    assert sweep(half, half.points) == []


@pytest.fixture(scope="module")
def scenes(story, nodes, tmp_path_factory) -> list[Scene]:
    """The story on each of two nodes, for two to go through it at a time."""
    return [make_scene(node, story, tmp_path_factory.mktemp("scene")) for node in nodes.values()]


@pytest.mark.soak
def test_run_that_was_killed_anywhere_is_before_or_after_once_it_is_recovered(scenes):
    halves = [(scene, scene.points[number :: len(scenes)]) for number, scene in enumerate(scenes)]
    with get_context("fork").Pool(len(scenes)) as pool:
        wrong = pool.starmap(sweep, halves)
    assert [mistake for mistakes in wrong for mistake in mistakes] == []


@CREATES
def test_podnet_that_is_killed_while_iptables_restore_runs(scene, tmp_path):
    """The program that podnet started outlives it, and commits after the next podnet has been started."""
    iptables = f"iptables-{scene.node.backend}"
    links(tmp_path, {iptables: iptables})
    wrap(tmp_path, f"{iptables}-restore", before=["kill -9 $PPID", "sleep 1"], after=[f"touch {tmp_path}/ended"])
    scene.start.rewind()
    done = process(scene.node.lab, scene.node.name, *scene.words, before=first_in_path(tmp_path))
    assert done.code == -signal.SIGKILL
    recovered = scene.node.podnet("recover")
    while not (tmp_path / "ended").exists():
        time.sleep(0.02)
    assert (recovered.code, scene.node.state()) == (0, scene.before)
