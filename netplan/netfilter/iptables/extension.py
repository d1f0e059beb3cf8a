"""What is known of a match or target extension: its options, their readers, and how iptables-save prints them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from msgspec import Struct

from netplan.netfilter.iptables.names import PROTOCOL_NAMES
from netplan.netfilter.iptables.number import Reader
from netplan.netfilter.iptables.operands import AddressMask, AddressRange, Condition, Masked, NatRange, Range
from netplan.netfilter.iptables.quoting import bare


class Option(Struct, frozen=True):
    """An option as a rule gives it; `values` are canonical texts, which the properties read for who interprets them."""

    name: str
    negated: bool = False
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The first value, exactly: a comment, the name of a set or an interface, a rate."""
        return self.values[0]

    @property
    def words(self) -> tuple[str, ...]:
        """The first value's words between commas: states, address types, flags."""
        return tuple(self.values[0].split(","))

    @property
    def masked(self) -> Masked:
        """The mark and its mask."""
        return Masked.of(self.values[0])

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ports or other numbers, each as a range."""
        return tuple(map(Range.of, self.values[0].split(",")))

    @property
    def addresses(self) -> AddressRange:
        """The range of addresses (iprange)."""
        return AddressRange.of(self.values[0])

    @property
    def nat(self) -> NatRange:
        """What SNAT and DNAT rewrite to."""
        return NatRange.of(self.values[0])

    @property
    def icmp_type(self) -> tuple[int, int | None] | None:
        """The ICMP type, and the code if one is given; None for any."""
        if self.values[0] == "any":
            return None
        number, slash, code = self.values[0].partition("/")
        return int(number), int(code) if slash else None

    def network(self, version: int) -> AddressMask:
        """Return the network, or the single address (conntrack, NETMAP)."""
        return AddressMask.parse(self.values[0], version)


Options = dict[str, Option]


class OptionSpec(Struct, frozen=True):
    """An option of an extension.

    One reader for each argument. An option that `writes` another is printed as that one, with `fixed` values if it
    takes no argument itself. `default` is printed when the option is not given (one text for IPv4, one for IPv6);
    `hidden` values match every packet, or are the default, and are not printed.
    """

    name: str
    readers: tuple[Reader, ...] = ()
    aliases: tuple[str, ...] = ()
    negatable: bool = False
    writes: str = ""
    fixed: tuple[str, ...] = ()
    default: tuple[str, str] | None = None
    hidden: tuple[str, ...] | None = None
    show: Callable[[str], str] = bare

    @property
    def printed(self) -> str:
        """The name of the option that it is printed as."""
        return self.writes or self.name

    def read(self, words: list[str], version: int, *, negated: bool) -> Option:
        """Return the option with the arguments in canonical form."""
        if negated and not self.negatable:
            raise ValueError("can't be negated")
        values = self.fixed or tuple([read(word, version) for read, word in zip(self.readers, words, strict=True)])
        if negated and values == self.hidden:
            raise ValueError("would never match, and iptables-save would not show it")
        return Option(self.printed, negated, values)


class ExtensionSpec(Struct, frozen=True, dict=True):
    """A match or a target.

    `options` stand in the order in which iptables-save prints them. `exactly` one and `some` of the named options must
    be given. `protocols` are what `-p` must be; `tables` and built-in `chains` are where the kernel accepts it; empty:
    any. `complete` checks and adds what depends on several options.
    """

    name: str
    options: tuple[OptionSpec, ...] = ()
    version: int | None = None
    exactly: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    protocols: frozenset[int] = frozenset()
    tables: frozenset[str] = frozenset()
    chains: frozenset[str] = frozenset()
    complete: Callable[[Options, Condition[int] | None], None] | None = None

    @cached_property
    def by_name(self) -> dict[str, OptionSpec]:
        """The options by every name under which they are written."""
        return {name: option for option in self.options for name in (option.name, *option.aliases)}

    @cached_property
    def _order(self) -> dict[str, int]:
        return {option.name: place for place, option in enumerate(self.options)}

    @cached_property
    def _defaults(self) -> tuple[tuple[str, tuple[str, str]], ...]:
        return tuple((option.name, option.default) for option in self.options if option.default)

    def render(self, option: Option) -> str:
        """Return an option as iptables-save prints it."""
        show = self.by_name[option.name].show
        words = ["!", f"--{option.name}"] if option.negated else [f"--{option.name}"]
        return " ".join([*words, *map(show, option.values)])

    def finish(self, options: Options, version: int, protocol: Condition[int] | None) -> tuple[Option, ...]:
        """Check the given options together; return them as iptables-save prints them, with what goes without saying."""
        self._check_needed(options)
        if self.protocols and (protocol is None or protocol.negated or protocol.value not in self.protocols):
            raise ValueError(f"needs {protocol_names(self.protocols)}")
        if self.complete:
            self.complete(options, protocol)
        for name, default in self._defaults:
            options.setdefault(name, Option(name, values=(default[version == 6],)))
        shown = [option for option in options.values() if option.values != self.by_name[option.name].hidden]
        if len(shown) > 1:
            shown.sort(key=lambda option: self._order[option.name])
        return tuple(shown)

    def _check_needed(self, options: Options) -> None:
        if self.exactly:
            count = sum(name in options for name in self.exactly)
            if count != 1:
                raise ValueError(f"needs {'one of ' * (len(self.exactly) > 1)}{_spelled(self.exactly)}")
        if self.some and options.keys().isdisjoint(self.some):
            raise ValueError(f"needs {_spelled(self.some)}")


def protocol_names(protocols: frozenset[int]) -> str:
    """Spell the protocols of which one must be given."""
    return " or ".join(f"-p {PROTOCOL_NAMES[protocol]}" for protocol in sorted(protocols))


def _spelled(names: tuple[str, ...]) -> str:
    return " or ".join(f"--{name}" for name in names)
