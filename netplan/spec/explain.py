"""pydantic's errors as problems in plain words, each at the place of the key or value that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args

from pydantic_core import ErrorDetails

from netplan.errors import Problem
from netplan.spec.descriptions import descriptions
from netplan.spec.model import ClusterSpec, Section
from netplan.spec.readers import described
from netplan.spec.yaml.places import Key, Places
from netplan.spec.yaml.scalars import line_of
from netplan.text import did_you_mean

Path: TypeAlias = tuple[Key, ...]

_KEY_ERROR: Final = "[key]"  # how pydantic ends the path of a mapping's key that is wrong


def explain(errors: Iterable[ErrorDetails], places: Places) -> Iterator[Problem]:
    """Return the problem behind each error; a required key that is misspelt is one problem and not two."""
    found_errors = list(errors)
    unknown = [error["loc"] for error in found_errors if error["type"] == "extra_forbidden"]
    misspelt = {(*path[:-1], _likely(path)) for path in unknown}
    for error in found_errors:
        if error["type"] == "extra_forbidden":
            yield _unknown_key(error["loc"], places)
        elif error["type"] != "missing":
            yield _wrong_value(error, places)
        elif error["loc"] not in misspelt:
            yield _missing_key(error["loc"], places)


def dotted(path: Path) -> str:
    """Write a path as people do: `firewall.remove[0].rule`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


@lru_cache(maxsize=1024)
def suggest(word: str, words: tuple[str, ...]) -> str:
    """Return the word that was probably meant, or nothing."""
    return did_you_mean(word, words)


def _unknown_key(path: Path, places: Places) -> Problem:
    close = _likely(path)
    hint = f"did you mean {close}?" if close else f"the keys here are: {', '.join(_section(path).model_fields)}"
    return Problem(places.key(*path), f"{dotted(path)}: there is no such key", hint)


def _missing_key(path: Path, places: Places) -> Problem:
    key, section = str(path[-1]), dotted(path[:-1]) or "the spec"
    example = (_section(path).model_fields[key].examples or [""])[0]
    return Problem(places.key(*path[:-1]), f"{section} has no {key}", f"add a key such as {line_of(key, example)}")


def _wrong_value(error: ErrorDetails, places: Places) -> Problem:
    path, at = error["loc"], places.value(*error["loc"])
    if path and path[-1] == _KEY_ERROR:
        path = path[:-1]
        at = places.key(*path)
    words = _WORDS.get(error["type"])
    message, hint = words(error) if words else (error["msg"], "")
    return Problem(at, f"{dotted(path)}: {message}", hint)


def _mistake(error: ErrorDetails) -> tuple[str, str]:
    mistake = error["ctx"]["error"]
    return str(mistake), getattr(mistake, "hint", "")


def _unsupported(error: ErrorDetails) -> tuple[str, str]:
    supported = error["ctx"]["expected"].replace("'", "")
    values = tuple(supported.replace(" or ", ", ").split(", "))
    close = suggest(str(error["input"]), values)
    means = "this version supports nothing else" if len(values) == 1 else _description(error["loc"])
    hint = f"did you mean {close}?" if close else means
    return f"expected {supported}, found {described(error['input'])}", hint


def _description(path: Path) -> str:
    """Return what the last key of a path means, with all its values."""
    return " ".join(descriptions()[_section(path).__name__].get(str(path[-1]), "").split())


def _no_mapping(error: ErrorDetails) -> tuple[str, str]:
    return f"expected a mapping, found {described(error['input'])}", ""


def _no_list(error: ErrorDetails) -> tuple[str, str]:
    return f"expected a list, found {described(error['input'])}", ""


_WORDS: Final[dict[str, Callable[[ErrorDetails], tuple[str, str]]]] = {
    "value_error": _mistake,
    "literal_error": _unsupported,
    "model_type": _no_mapping,
    "mapping_type": _no_mapping,
    "dict_type": _no_mapping,
    "tuple_type": _no_list,
}


def _likely(path: Path) -> str:
    """Return the key that was probably meant by the last one of a path."""
    return suggest(str(path[-1]), tuple(_section(path).model_fields))


def _section(path: Path) -> type[Section]:
    """Return the section that the last key of a path stands in, or should."""
    kind: Any = ClusterSpec
    for key in path[:-1]:
        if hasattr(kind, "model_fields"):
            kind = kind.model_fields[key].annotation
        else:  # a mapping or a list: what it holds is the last type in its brackets
            kind = next(argument for argument in reversed(get_args(kind)) if argument is not Ellipsis)
    section: type[Section] = kind
    return section
