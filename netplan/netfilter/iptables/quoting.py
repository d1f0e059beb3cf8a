"""The text of rules: words and quotes, as iptables-restore reads them and iptables-save writes them.

Written by hand, a word may also stand in single quotes, as in a shell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_QUOTED_WORD: Final = re.compile(r"""(?P<single>'[^']*')|(?P<start>[^ "]*)"(?P<double>[^"\\]*(?:\\.[^"\\]*)*)\"""")
_WORDS: Final = re.compile(r"""[^ "']+(?= |$)|'[^']*'(?= |$)|[^ "]*"[^"\\]*(?:\\.[^"\\]*)*"(?= |$)|[^ ]+""")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = str.maketrans({char: f"\\{char}" for char in "\"\\'"})
_BARE_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+")
_CLOSED: Final = re.compile(r"""(?<= )"[^"\\]*(?:\\.[^"\\]*)*"(?= |$)""", re.DOTALL)
_PICTURES: Final = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_COMMENT: Final = 256
"""How many bytes of a comment the kernel keeps: it has no more lines."""
_NEWLINE: Final = chr(_PICTURES[ord("\n")])
_BARE_WORD: Final = re.compile(r"""[^'" ][^" ]*""")


class Quoted(str):
    """A word that was written in quotes; `spelling` is how, in double quotes."""

    __slots__ = ("spelling",)
    spelling: str

    @classmethod
    def of(cls, text: str, spelling: str) -> Quoted:
        """Return a word with its spelling."""
        word = cls(text)
        word.spelling = spelling
        return word


def check_characters(text: str) -> None:
    """Refuse what could end a line or deceive its reader: NUL, newline, other control characters, line separators."""
    if not text.isprintable() and (control := _CONTROL.search(text)):
        raise ValueError(
            f"character {control.start() + 1} is U+{ord(control[0]):04X}: a rule holds no control characters"
        )


def pictured(text: str) -> str:
    """Return a text of the kernel's with a picture in the place of what a rule can't hold: `␉` for a tab.

    What has none becomes U+FFFD. Such a rule is shown and compared, and never written: no spec can name it.
    """
    return text if text.isprintable() else _CONTROL.sub(_REPLACEMENT, text.translate(_PICTURES))


def logical_lines(text: str) -> str:
    """Return what iptables prints with every rule in one line: a newline in quotes becomes its picture."""
    plain = text.replace("\\\\", "").replace('\\"', "") if "\\" in text else text
    if not any("\n" in quoted for quoted in plain.split('"')[1::2]):
        return text
    lines, joined, start = text.split("\n"), [], 0
    while start < len(lines):
        ends = range(start + 1, min(start + _COMMENT, len(lines)) + 1)
        end = next((end for end in ends if not _is_open(lines[start:end])), start + 1)
        joined.append(_NEWLINE.join(lines[start:end]))
        start = end
    return "\n".join(joined)


def _is_open(lines: Sequence[str]) -> bool:
    """Whether a quote that begins in the first of some lines does not end in the last."""
    return ' "' in lines[0] and ' "' in _CLOSED.sub("", _NEWLINE.join(lines))


def split(text: str) -> list[str]:
    r"""Split a rule into words: at spaces, and `"` quotes with the escapes `\"`, `\'` and `\\` in it.

    Words written in quotes are `Quoted`. A `'` quotes only at the start of a word; in it, it is itself.
    """
    check_characters(text)
    if '"' not in text and "'" not in text:
        return [word for word in text.split(" ") if word]
    return [word if '"' not in word and word[0] != "'" else _unquote(word) for word in _WORDS.findall(text)]


def _unquote(word: str) -> str:
    quoted = _QUOTED_WORD.fullmatch(word)
    if quoted is None:
        raise ValueError(f"a quote is not closed, or other text follows it at once: {word}")
    if quoted["single"]:
        return Quoted.of(word[1:-1], always_quote(word[1:-1]))
    return Quoted.of(quoted["start"] + _ESCAPE.sub(_unescape, quoted["double"]), word)


def _unescape(escape: re.Match[str]) -> str:
    if escape[1] not in "\"\\'":
        raise ValueError(f"{escape[0]} in double quotes: write a backslash as \\\\")
    return escape[1]


def quote(text: str) -> str:
    """Return a text as `xtables_save_string` does: bare if all of it is in `[A-Za-z0-9_-]`, else in quotes."""
    return text if _BARE_TEXT.fullmatch(text) else always_quote(text)


def always_quote(text: str) -> str:
    """Return a text in double quotes."""
    return f'"{text.translate(_ESCAPED)}"'


def quote_pattern(text: str) -> str:
    """Return a text as the string match prints it: in quotes, always, and with fewer escapes."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def bare(text: str) -> str:
    """Return a word as it is: its reader has checked that it is one (`check_word`)."""
    return text


def as_written(word: str) -> str:
    """Return a word as it was spelled."""
    return word.spelling if isinstance(word, Quoted) else word


def check_word(text: str) -> str:
    """Check a word that iptables-save writes without quotes; return it as a plain string."""
    if not _BARE_WORD.fullmatch(text):
        raise ValueError(f"{text!r} is not one word without spaces and quotes")
    return str(text)
