"""Matches and targets as rules hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct

from netplan.netfilter.iptables.extension import ExtensionSpec, Option
from netplan.netfilter.iptables.matches import MATCHES
from netplan.netfilter.iptables.targets import TARGETS


class Extension(Struct, frozen=True):
    """A match or target with its options in canonical form.

    If one of its options is not understood, all of them are in `unread`, as they were written, and `options` is empty.
    """

    specs: ClassVar[Mapping[str, ExtensionSpec]]

    name: str
    options: tuple[Option, ...] = ()
    unread: str = ""

    @property
    def known(self) -> bool:
        """Whether all that it asks or does is in `options`; not so for a jump into a chain."""
        return self.name in self.specs and not self.unread

    def get(self, name: str) -> Option | None:
        """Return the option that iptables-save spells so, None if it prints none: all values do, or the default."""
        for option in self.options:
            if option.name == name:
                return option
        return None

    def __str__(self) -> str:
        words = [self.name]
        if self.options:
            spec = self.specs[self.name]
            words += [spec.render(option) for option in self.options]
        if self.unread:
            words.append(self.unread)
        return " ".join(words)


class Match(Extension, frozen=True):
    """One `-m` of a rule."""

    specs: ClassVar[Mapping[str, ExtensionSpec]] = MATCHES


class Target(Extension, frozen=True):
    """What a rule does with a packet: a verdict, an extension, or a jump into the chain of that name."""

    specs: ClassVar[Mapping[str, ExtensionSpec]] = TARGETS
