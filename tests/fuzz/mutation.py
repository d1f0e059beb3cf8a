"""Inputs made of others at random, as bytes and by structure: the same ones for the same random numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from random import Random
from typing import Any, Final

import yaml

TEXTS: Final = (
    *("", " ", "-", "--", "!", "~", "null", "auto", "none", "a" * 16, "a" * 300, "é", "🙂", "\x00", "\t", "\x1b[2J"),
    *("\x7f", "\x85", "\u2028", "\u202e", "\ud800", "\udcff", "..", "../../x", "/", "/proc/self/mem", "{subnet}", "{"),
    *("eth0", "lo", "docker0", "flannel.1", "podnet.1", "all", "default", "eth0\nCOMMIT", "eth0 -j ACCEPT", "e+", "+"),
    *("x\nCOMMIT\n*filter\n-A FORWARD -j ACCEPT", "x\n-A INPUT -j DROP", '" -j ACCEPT', "' -j DROP", "\\", "\\n", '"'),
    *("PODNET-FORWARD", "PODNET-POSTROUTING", "PODNET-X", "FORWARD", "RETURN", "-j RETURN", "-m comment --comment x"),
    *("-A POSTROUTING -j MASQUERADE", "-s {subnet} -j DROP", "-j SNAT --to-source 1.2.3.4", "-m set --match-set a src"),
    *("0.0.0.0", "0.0.0.0/0", "255.255.255.255/32", "10.4.7.21/24", "10.4.7.22", "172.7.21.0/24", "172.7.0.0/16"),
    *(
        "::",
        "::/0",
        "fd00:7::/48",
        "fe80::1/64",
        "ff02::1",
        "1.2.3.4/33",
        "01.2.3.4",
        "1.2.3",
        "10.4.7.21/",
        "\u0663.\u0664.1.2",
    ),
    *("net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.podnet/1.x"),
    *("kernel.panic", "net.ipv4/../../kernel/panic", "0x4000/0x4000", "0xffffffffffff", "1-2", "0-65536", "1.0", "2.9"),
    *(
        "ff:ff:ff:ff:ff:ff",
        "0e:2a:0a:04:07:15",
        "create",
        "delete",
        "route",
        "link",
        "chain",
        "nft",
        "legacy",
        "9" * 5000,
    ),
)
"""Words that mean something to podnet, to iptables or to a terminal, and some that must mean nothing to any of them."""

VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 4, 6, 112, 254, 255, 65535, 65536, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, 10**400),
    *(0.5, -0.0, 1e308, float("nan"), float("inf"), [], {}, [[]], [{}], {"": None}),
)

Make = Callable[[Random], bytes]
Change = Callable[[Random, bytes], bytes]


def by_bytes(random: Random, data: bytes) -> bytes:
    """Change a few bytes: some go, some come, some are others, some are there twice."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        start = random.randint(0, len(changed))
        end = min(len(changed), start + random.choice((0, 1, 1, 2, 4, 16, 64, 1024)))
        match random.randrange(6 if random.randrange(50) else 7):
            case 6:
                changed[start:end] = random.choice((b"[", b"{a: ", b'{"a": ')) * 2000
            case 0:
                del changed[start:end]
            case 1:
                changed[start:start] = changed[start:end] * random.choice((1, 2, 50))
            case 2:
                changed[start:end] = random.choice(TEXTS).encode(errors="surrogatepass")
            case 3:
                changed[start:start] = random.randbytes(random.choice((1, 1, 4)))
            case 4 if start < len(changed):
                changed[start] ^= 1 << random.randrange(8)
            case _:
                other = random.randint(0, len(changed))
                changed[start:start] = changed[other : other + (end - start)]
    return bytes(changed)


def in_json(random: Random, data: bytes) -> bytes:
    """Change values, keys and items of a JSON document, or now and then its bytes."""
    if random.randrange(8) == 0:
        return by_bytes(random, data)
    tree = changed_tree(random, json.loads(data))
    return json.dumps(tree, ensure_ascii=bool(random.randrange(4))).encode(errors="surrogatepass")


def in_json_lines(random: Random, data: bytes) -> bytes:
    """Change objects of which each is a line."""
    lines = data.splitlines()
    for number in random.sample(range(len(lines)), random.choice((1, 1, 2))):
        lines[number] = in_json(random, lines[number])
    return b"\n".join(random.choice((lines, lines, lines + lines[:1])))


def in_yaml(random: Random, data: bytes) -> bytes:
    """Change values, keys and items of a YAML document; some are written as JSON, which is YAML too."""
    tree = changed_tree(random, yaml.safe_load(data))
    if random.randrange(2):
        return json.dumps(tree, ensure_ascii=False).encode(errors="surrogatepass")
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode(errors="surrogatepass")


def in_words(random: Random, data: bytes) -> bytes:
    """Change a line of a text whose words are parted by spaces or commas, or now and then its bytes."""
    if random.randrange(3) == 0:
        return by_bytes(random, data)
    lines = data.decode().split("\n")
    for _ in range(random.choice((1, 1, 2, 4))):
        number = random.randrange(len(lines))
        parting = random.choice((" ", ","))
        words = lines[number].split(parting)
        match random.randrange(5):
            case 0:
                words[random.randrange(len(words))] = random.choice(TEXTS)
            case 1:
                words.insert(random.randint(0, len(words)), random.choice(TEXTS))
            case 2:
                words.append(random.choice(random.choice(lines).split(parting)))
            case 3:
                random.shuffle(words)
            case _:
                lines.insert(random.randrange(len(lines)), lines[number])
                words = lines[number].split(parting)
        lines[number] = parting.join(words)
    return "\n".join(lines).encode(errors="surrogatepass")


def changed_tree(random: Random, tree: Any) -> Any:
    """Return a tree of lists and mappings with a few of its values, keys or items changed."""
    tree = deepcopy(tree)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            return random.choice(VALUES)
        holder, key = random.choice(places)
        _change(random, holder, key, places)
    return tree


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every place of a tree: a list or mapping with an index or key of it."""
    keys: Iterable[Any] = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    own = [(tree, key) for key in keys]
    return [*own, *(place for holder, key in own for place in _places(holder[key]))]


def _change(random: Random, holder: Any, key: Any, places: Sequence[tuple[Any, Any]]) -> None:
    other, at = random.choice(places)
    if random.randrange(2) and isinstance(holder[key], str | int):
        other, at = random.choice([(other, at) for other, at in places if type(other[at]) is type(holder[key])])
        holder[key] = other[at]
        return
    match random.randrange(8):
        case 0:
            del holder[key]
        case 1:
            holder[key] = random.choice(VALUES)
        case 2:
            holder[key] = deepcopy(other[at])
        case 3 if isinstance(holder, list):
            holder.insert(key, deepcopy(holder[key]))
        case 3:
            holder[random.choice(TEXTS)] = holder.pop(key)
        case 4 if isinstance(holder[key], str):
            holder[key] = by_bytes(random, holder[key].encode(errors="surrogatepass")).decode(errors="surrogateescape")
        case 4 if isinstance(holder[key], int):
            holder[key] += random.choice((-1, 1, 2**16, -(2**33)))
        case 5:
            holder[key] = [deepcopy(holder[key])] * random.choice((1, 2, 40))
        case _:
            holder[key] = random.choice(TEXTS)
