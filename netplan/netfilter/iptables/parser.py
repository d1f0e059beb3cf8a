"""Read the words of a rule as iptables(8) does.

iptables finds an option's extension by name among those that stand before it, the latest first, wherever the option
stands; an option that none of them has belongs to the match of the protocol, which it loads. What follows an extension
that is not known here is kept as that extension's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from netplan.netfilter.iptables.extension import ExtensionSpec, Option, Options, OptionSpec
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.matches import MATCHES, PROTOCOL_MATCHES
from netplan.netfilter.iptables.names import PROTOCOLS
from netplan.netfilter.iptables.number import named
from netplan.netfilter.iptables.operands import AddressMask, Condition
from netplan.netfilter.iptables.quoting import Quoted, as_written, check_word
from netplan.netfilter.iptables.targets import TARGETS
from netplan.netfilter.iptables.word import chain_name, interface
from netplan.text import did_you_mean


def _protocol(text: str, _version: int) -> int:
    return named(text, PROTOCOLS.get(text.lower()), 255, "a protocol: a name such as tcp, or a number from 0 to 255")


_CONDITIONS: Final[dict[str, tuple[str, Callable[[str, int], AddressMask | str | int]]]] = {
    **dict.fromkeys(("-s", "--source", "--src"), ("source", AddressMask.parse)),
    **dict.fromkeys(("-d", "--destination", "--dst"), ("destination", AddressMask.parse)),
    **dict.fromkeys(("-i", "--in-interface"), ("in_interface", interface)),
    **dict.fromkeys(("-o", "--out-interface"), ("out_interface", interface)),
    **dict.fromkeys(("-p", "--protocol"), ("protocol", _protocol)),
}
_FRAGMENT: Final = frozenset({"-f", "--fragment", "--fragments"})
_MATCH: Final = frozenset({"-m", "--match"})
_JUMP: Final = frozenset({"-j", "--jump"})
_GOTO: Final = frozenset({"-g", "--goto"})
_CHAIN: Final = ExtensionSpec("chain")
_BASE: Final = frozenset({*_CONDITIONS, *_FRAGMENT, *_MATCH, *_JUMP, *_GOTO})


_match = lru_cache(maxsize=4096)(Match)  # many rules hold the same ones: they share them
_target = lru_cache(maxsize=4096)(Target)


class _Clause:
    """A match or target while its options come in; `unread` collects them once one is not understood."""

    __slots__ = ("given", "implied", "name", "options", "spec", "unread")

    def __init__(self, name: str, spec: ExtensionSpec | None, *, implied: bool = False) -> None:
        self.name = name
        self.spec = spec
        self.implied = implied
        self.given: Options = {}
        self.options: tuple[Option, ...] = ()
        self.unread: list[str] | None = None if spec else []

    def claims(self, word: str, other: _Clause) -> bool:
        """Whether an option that was kept for the other extension may be this one's.

        If the other is not known at all, this one's option has to be one that is not given.
        """
        option = self.spec.by_name.get(word.removeprefix("--")) if self.spec else None
        if option is None:
            return False
        return other.spec is not None or all(printed.name != option.printed for printed in self.options)

    def may_have(self, word: str) -> bool:
        """Whether the extension may have an option that is not known here."""
        if word[:2] in _BASE or self.implied:
            return False
        if self.spec is None:
            return True
        abbreviates = any(f"--{name}".startswith(word) for name in self.spec.by_name)
        return word.startswith("--") and bool(self.spec.options) and not abbreviates

    def add(self, option: Option) -> None:
        if option.name in self.given:
            raise ValueError(f"given twice, or beside another way to say --{option.name}")
        self.given[option.name] = option
        if self.unread is not None and self.spec:
            self.unread.append(self.spec.render(option))

    def add_unread(self, words: list[str]) -> None:
        if self.unread is None and self.spec:
            self.unread = [self.spec.render(option) for option in self.given.values()]
        self.unread = [*(self.unread or ()), *words]

    def finish(self, flag: str, version: int, protocol: Condition[int] | None) -> tuple[str, tuple[Option, ...], str]:
        """Check the options together; return the name, the canonical options, and those that are not understood."""
        if self.spec is None or self.unread is not None:
            return self.name, (), " ".join(self.unread or ())
        try:
            self.options = self.spec.finish(self.given, version, protocol)
        except ValueError as error:
            raise ValueError(f"{flag} {self.name}: {error}") from error
        return self.name, self.options, ""

    def strangers(self) -> list[str]:
        """Return the options that are not understood."""
        known = self.spec.by_name if self.spec else {}
        return [word for word in self.unread or () if word.startswith("--") and word[2:] not in known]


class RuleParser:
    """Reads one rule's words; the attributes without an underscore are those of `Rule`."""

    def __init__(self, words: list[str], version: int) -> None:
        self.version = version
        self.source: Condition[AddressMask] | None = None
        self.destination: Condition[AddressMask] | None = None
        self.in_interface: Condition[str] | None = None
        self.out_interface: Condition[str] | None = None
        self.protocol: Condition[int] | None = None
        self.fragment: bool | None = None
        self.goto = False
        self._words = words
        self._at = 0
        self._seen: set[str] = set()
        self._clauses: list[_Clause] = []
        self._jump: _Clause | None = None
        self._read()
        matches = [clause for clause in self._clauses if clause is not self._jump]
        self.matches = tuple([_match(*self._finish(clause, "-m")) for clause in matches])
        self.target = _target(*self._finish(self._jump, "-j")) if self._jump else None
        self._check_claims()

    def _finish(self, clause: _Clause, flag: str) -> tuple[str, tuple[Option, ...], str]:
        return clause.finish(flag, self.version, self.protocol)

    def _check_claims(self) -> None:
        """Refuse an option that was kept for one extension, and that another one of the rule may have too."""
        for clause in self._clauses:
            for word in clause.strangers() if clause.unread else ():
                if any(other.claims(word, clause) for other in [*self._clauses, *self._implied()]):
                    raise ValueError(f"write {word} before {clause.name}, which may have an option of that name")

    def _read(self) -> None:
        while self._at < len(self._words):
            word = self._words[self._at]
            self._at += 1
            negated = word == "!"
            if negated:
                word = self._argument(word)
            if word in _CONDITIONS:
                self._condition(word, negated=negated)
            elif word in _FRAGMENT:
                self._fragment(word, negated=negated)
            elif word not in _BASE:
                self._option(word, negated=negated)
            elif negated:
                raise ValueError(f"{word} can't be negated")
            elif word in _MATCH:
                self._clauses.append(self._named_match(self._argument(word)))
            else:
                self._jump_to(word, self._argument(word))

    def _argument(self, option: str) -> str:
        if self._at == len(self._words):
            raise ValueError(f"nothing follows {option}")
        self._at += 1
        return str(self._words[self._at - 1])

    def _once(self, option: str) -> None:
        if option in self._seen:
            raise ValueError(f"{option} is given twice")
        self._seen.add(option)

    def _condition(self, word: str, *, negated: bool) -> None:
        attribute, read = _CONDITIONS[word]
        self._once(attribute)
        text = self._argument(word)
        try:
            value = read(text, self.version)
        except ValueError as error:
            hint = f": write ! before {word}" if text == "!" else ""
            raise ValueError(f"{word}: {error}{hint}") from error
        if negated and value == 0:  # all protocols
            raise ValueError(f"! {word} {text} would never match")
        if negated or not _matches_all(value):
            setattr(self, attribute, Condition(value, negated))

    def _fragment(self, word: str, *, negated: bool) -> None:
        self._once("fragment")
        if self.version == 6:
            raise ValueError(f"{word} is for IPv4: use -m frag")
        self.fragment = not negated

    def _named_match(self, name: str) -> _Clause:
        spec = MATCHES.get(name)
        if spec is not None and spec.version not in (None, self.version):
            raise ValueError(f"-m {name} is for IPv{spec.version}")
        return _Clause(name if spec else check_word(name), spec)

    def _jump_to(self, word: str, name: str) -> None:
        self._once("target")
        spec = TARGETS.get(name)
        self.goto = word in _GOTO
        if self.goto and spec:
            raise ValueError(f"{word} {name}: {name} is not a chain, write -j {name}")
        if self.goto:
            spec = _CHAIN
        self._jump = _Clause(chain_name(name), spec)
        self._clauses.append(self._jump)

    def _option(self, word: str, *, negated: bool) -> None:
        if not word.startswith("-"):
            raise ValueError(f"{word!r} follows no option")
        known = self._clause_of(word.removeprefix("--")) if word.startswith("--") else None
        if known is None:
            self._unread_option(word, negated=negated)
            return
        clause, option = known
        arguments = [self._argument(word) for _ in option.readers]
        try:
            clause.add(option.read(arguments, self.version, negated=negated))
        except ValueError as error:
            raise ValueError(f"{word}: {error}") from error

    def _clause_of(self, name: str) -> tuple[_Clause, OptionSpec] | None:
        """Find the extension of an option; load the protocol's match if no other has it. None: it is not known here."""
        for clause in reversed(self._clauses):
            if clause.spec is None:
                return None
            if name in clause.spec.by_name:
                return clause, clause.spec.by_name[name]
        for clause in self._implied():
            if clause.spec and name in clause.spec.by_name:
                self._clauses.append(clause)
                return clause, clause.spec.by_name[name]
        return None

    def _implied(self) -> list[_Clause]:
        """Return the match that the protocol loads when it is needed, unless the rule has it already."""
        name = PROTOCOL_MATCHES.get(self.protocol.value) if self.protocol else None
        if name is None or any(clause.name == name for clause in self._clauses):
            return []
        spec = MATCHES[name]
        return [_Clause(name, spec, implied=True)] if spec.version in (None, self.version) else []

    def _unread_option(self, word: str, *, negated: bool) -> None:
        """Keep an option that is not understood, and its arguments, for the extension before it."""
        clause = self._clauses[-1] if self._clauses else None
        if clause is None or not clause.may_have(word):
            raise ValueError(self._unknown(word))
        words = ["!", word] if negated else [word]
        while self._at < len(self._words) and _is_argument(self._words[self._at]):
            words.append(as_written(self._words[self._at]))
            self._at += 1
        clause.add_unread(words)

    def _unknown(self, word: str) -> str:
        """Say that an option is unknown here, and which one may have been meant."""
        if word[:2] in _BASE:
            return f"unknown option {word}: write a space after {word[:2]}"
        specs = [clause.spec for clause in [*self._clauses, *self._implied()]]
        known = {f"--{name}" for spec in specs if spec for name in spec.by_name}
        near = did_you_mean(word, sorted(known | _BASE))
        hint = f": did you mean {near}?" if near else ": write the -m or -p that it belongs to before it"
        return f"unknown option {word}{hint}"


def _is_argument(word: str) -> bool:
    return isinstance(word, Quoted) or not (word == "!" or word.startswith("-"))


def _matches_all(value: AddressMask | str | int) -> bool:
    if isinstance(value, AddressMask):
        return value.mask == 0
    return value in (0, "+")
