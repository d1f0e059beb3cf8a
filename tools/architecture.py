"""Draws docs/architecture.svg: the rooms of the package, floor by floor, and the two ways through them.

A room is a package or a module at the top of `netplan/`; a room imports only from the floors below its own.

    python -m tools.architecture
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

PICTURE: Final = Path(__file__).parents[1] / "docs/architecture.svg"


class Room(NamedTuple):
    """A room: its name, its job in a few words, and from where to where it is drawn in pixels."""

    name: str
    job: str
    left: int = 200
    right: int = 830


class Floor(NamedTuple):
    """Rooms that do not know each other, and the room above them for the arrows, in pixels."""

    rooms: Sequence[Room]
    gap: int = 34
    height: int = 46


class Arrow(NamedTuple):
    """A step of a way between two floors, by their numbers from the top, at so many pixels from the left.

    `what` goes along; it is written behind the arrow, or `before` it.
    """

    way: str
    start: int
    end: int
    at: int
    what: str
    before: bool = False


SPEC: Final = "spec"
STATE: Final = "state"
"""The two ways, as the style of their arrows names them."""

FLOORS: Final = (
    Floor([Room("cli", "words, options, screens, exit codes")]),
    Floor(
        [
            Room("operations", "a use case each; joins kernel and store", right=716),
            Room("lab", "in namespaces", left=730),
        ]
    ),
    Floor(
        [
            Room("planning", "what would change, why, to which traffic", right=504),
            Room("store", "kept on the disk", left=518, right=640),
            Room("kernel", "observe, write, sweep", left=654),
        ]
    ),
    Floor([Room("desired", "what one node should have, from the spec", right=640)]),
    Floor(
        [
            Room("spec", "YAML to typed values with places", right=420),
            Room("trace", "a packet's way through a node", left=434, right=640),
        ]
    ),
    Floor([Room("kinds", "a folder for each kind of kernel object: value, codec, driver; one table of all kinds")]),
    Floor([Room("netfilter", "rules of iptables as values; nftables' dump read into them")]),
    Floor([Room("system", "netlink, programs, files, processes, the clock")]),
    Floor([Room("documents", "JSON and its mistakes", right=508), Room("text", "what people read", left=522)], 12, 28),
    Floor([Room("net", "addresses, prefixes and names of devices")], 8, 28),
    Floor([Room("errors", "what can go wrong, each with its exit code")], 8, 28),
)
"""The rooms from the top down, as the contract of layers in pyproject.toml has them."""

ARROWS: Final = (
    Arrow(SPEC, 4, 3, 270, "checked spec"),
    Arrow(SPEC, 3, 2, 270, "desired objects, why"),
    Arrow(SPEC, 2, 1, 270, "plan"),
    Arrow(SPEC, 1, 2, 694, "batches of changes"),
    Arrow(STATE, 7, 6, 735, "messages"),
    Arrow(STATE, 6, 5, 735, "rules"),
    Arrow(STATE, 5, 2, 735, "values"),
    Arrow(STATE, 2, 1, 674, "snapshot", before=True),
    Arrow(STATE, 1, 2, 400, "snapshot"),
)

_WIDTH: Final = 1000
_TOP: Final = 56
_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #444 }
.name { font-weight: 600; font-size: 14px; fill: #111 }
.title { font-weight: 600; font-size: 13px }
.page { fill: #fff }
.room { fill: #f2f4f7; stroke: #8a94a3 }
.outside { fill: none; stroke: #8a94a3; stroke-dasharray: 4 3 }
.spec { stroke: #0b62c4; fill: none; stroke-width: 2 }
.state { stroke: #b4540a; fill: none; stroke-width: 2 }
text.spec { stroke: none; fill: #0b62c4 }
text.state { stroke: none; fill: #b4540a }
.spec-head { fill: #0b62c4 }
.state-head { fill: #b4540a }
@media (prefers-color-scheme: dark) {
  text { fill: #c3cad3 }
  .name { fill: #fff }
  .page { fill: #12161c }
  .room { fill: #1f2630; stroke: #66717f }
  .spec { stroke: #6cb2ff }
  .state { stroke: #f0a35e }
  text.spec { fill: #6cb2ff }
  text.state { fill: #f0a35e }
  .spec-head { fill: #6cb2ff }
  .state-head { fill: #f0a35e }
}
"""


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture())


def picture() -> str:
    """Return the picture as SVG."""
    height = _bottom(len(FLOORS) - 1) + 16
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
    parts = [
        head,
        "<title>The rooms of podnet, floor by floor</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
        *_legend(),
        *(line for number in range(len(FLOORS)) for room in FLOORS[number].rooms for line in _room(number, room)),
        *(line for arrow in ARROWS for line in _step(arrow)),
        *_outside(),
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def _top(number: int) -> int:
    """Return where a floor begins."""
    return _TOP + sum(floor.height for floor in FLOORS[:number]) + sum(floor.gap for floor in FLOORS[1 : number + 1])


def _bottom(number: int) -> int:
    return _top(number) + FLOORS[number].height


def _room(number: int, room: Room) -> Iterator[str]:
    top, height = _top(number), FLOORS[number].height
    middle = (room.left + room.right) // 2
    yield f'<rect class="room" x="{room.left}" y="{top}" width="{room.right - room.left}" height="{height}" rx="5"/>'
    if height < 40:
        yield _text(room.left + 12, top + 19, room.name, "name")
        yield _text(room.left + 110, top + 19, room.job)
    else:
        yield _text(middle, top + 19, room.name, "name", "middle")
        yield _text(middle, top + 37, room.job, anchor="middle")


def _step(arrow: Arrow) -> Iterator[str]:
    """Draw an arrow from the edge of a floor to the facing edge of another, with what goes along."""
    upwards = arrow.end < arrow.start
    start = _top(arrow.start) if upwards else _bottom(arrow.start)
    end = _bottom(arrow.end) if upwards else _top(arrow.end)
    yield from _line(arrow.way, (arrow.at, start), (arrow.at, end))
    beside, anchor = (-8, "end") if arrow.before else (8, "start")
    yield _text(arrow.at + beside, (start + end) // 2 + 4, arrow.what, arrow.way, anchor)


def _outside() -> Iterator[str]:
    """Draw what podnet reads and writes: the files at the left, the kernel at the right."""
    spec = _top(4)
    yield _box(16, spec, 140, 46)
    yield _text(86, spec + 19, "spec.yaml, leases", "title", "middle")
    yield _text(86, spec + 37, "nodes.csv", anchor="middle")
    yield from _line(SPEC, (156, spec + 23), (200, spec + 23))
    cli = _top(0)
    yield _box(16, cli, 140, 46)
    yield _text(86, cli + 19, "people, cron, CI", "title", "middle")
    yield _text(86, cli + 37, "text, JSON, exit code", anchor="middle")
    yield f'<path class="outside" d="M156 {cli + 23}H200"/>'
    top, bottom = _top(2), _bottom(7)
    yield _box(868, top, 116, bottom - top)
    for offset, line in enumerate(("node's kernel", "", "rtnetlink", "nfnetlink", "iptables", "/proc/sys/net")):
        yield _text(926, (top + bottom) // 2 - 40 + 19 * offset, line, "title" if offset == 0 else "", "middle")
    yield from _line(SPEC, (830, top + 23), (868, top + 23))
    yield from _line(STATE, (868, bottom - 23), (830, bottom - 23))


def _legend() -> Iterator[str]:
    yield f'<path class="spec" d="M200 24h28"/>{_text(236, 28, "the way of a spec to the kernel", "spec")}'
    yield f'<path class="state" d="M520 24h28"/>{_text(556, 28, "the way of a dump to a plan", "state")}'


def _box(left: int, top: int, width: int, height: int) -> str:
    return f'<rect class="outside" x="{left}" y="{top}" width="{width}" height="{height}" rx="5"/>'


def _line(way: str, start: tuple[int, int], end: tuple[int, int]) -> Iterator[str]:
    """Draw a line across or down, with a head at its end."""
    (x, y), (to_x, to_y) = start, end
    right, down = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
    back_x, back_y = to_x - 8 * right, to_y - 8 * down
    yield f'<path class="{way}" d="M{x} {y}L{back_x} {back_y}"/>'
    corners = f"{to_x},{to_y} {back_x - 5 * down},{back_y - 5 * right} {back_x + 5 * down},{back_y + 5 * right}"
    yield f'<polygon class="{way}-head" points="{corners}"/>'


def _text(x: int, y: int, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    main()
