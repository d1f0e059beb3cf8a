"""The types of the model's values: `netplan.net` and pydantic joined, so that neither knows of the other.

A type is a reader, the text that gives the value back, and its part of the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Struct
from pydantic.config import JsonDict
from pydantic_core import CoreSchema, core_schema

from netplan.net import Address, IfName, InterfaceAddress, Prefix, host_name, if_name
from netplan.spec import values
from netplan.spec.readers import WrongValueError, described, flag, text, unwrap, whole_number

MTU_MIN, MTU_MAX = 576, 65535
VNI_MIN, VNI_MAX = 1, 16777215
PORT_MIN, PORT_MAX = 1, 65535
AUTO: Final = "auto"
SUBNET_LEN_MIN, SUBNET_LEN_MAX = 2, 30
IPV6_SUBNET_LEN_MAX = 126

read_name: Final = text("a name such as hdss7", host_name)
read_if_name: Final = text("the name of an interface, such as eth0", if_name)
_network, _ipv6_network = (partial(values.pod_network, version=version) for version in (4, 6))
_prefix, _ipv6_prefix = (partial(values.prefix, version=version) for version in (4, 6))
_address, _ipv6_address = (partial(values.address, version=version) for version in (4, 6))
_host_address, _ipv6_host_address = (partial(values.host_address, version=version) for version in (4, 6))

read_network: Final = text("a prefix such as 172.7.0.0/16", _network)
read_prefix: Final = text("a prefix such as 172.7.21.0/24", _prefix)
read_address: Final = text("an address such as 172.7.21.0", _address)
read_host_address: Final = text("an address with its prefix length, such as 10.4.7.21/24", _host_address)
read_ipv6_network: Final = text("a prefix such as fd00:7::/48", _ipv6_network)
read_ipv6_prefix: Final = text("a prefix such as fd00:7:0:15::/64", _ipv6_prefix)
read_ipv6_address: Final = text("an address such as 'fd00:7:0:15::'", _ipv6_address)
read_ipv6_host_address: Final = text("an address with its prefix length, such as fd00:4::15/64", _ipv6_host_address)
read_any_prefix: Final = text("a prefix such as 10.20.0.0/16", Prefix.parse)
read_any_address: Final = text("an address such as 10.4.7.254", Address.parse)
read_mark: Final = text("a mark with its mask, such as 0x4000/0x4000", values.Mark.parse)
read_rule: Final = text("a rule in quotes, such as '-A FORWARD -j REJECT'", str)
read_port_ranges: Final = text("ranges of ports such as 1024-29999,32768-65535", values.port_ranges)
read_sysctl_name: Final = text("a name such as net.ipv4.tcp_rmem", values.sysctl_name)
read_subnet_len: Final = whole_number(SUBNET_LEN_MIN, SUBNET_LEN_MAX)
read_ipv6_subnet_len: Final = whole_number(SUBNET_LEN_MIN, IPV6_SUBNET_LEN_MAX)
read_mtu: Final = whole_number(MTU_MIN, MTU_MAX)
read_vni: Final = whole_number(VNI_MIN, VNI_MAX)
read_port: Final = whole_number(PORT_MIN, PORT_MAX)
read_public_address: Final = text("an address such as 203.0.113.21", values.public_address)

read_ping: Final = text("an address, peers or gateway", values.ping_target)
read_tcp: Final = text("an address with a port, such as 10.4.7.22:80", values.tcp_target)
read_within: Final = whole_number(values.WITHIN_MIN, values.WITHIN_MAX)
read_nodes_path: Final = text("a path such as nodes.csv", values.nodes_path)
read_persist: Final = text("none, or a path such as /etc/iptables/rules.v4", values.persist_path)

_read_sysctl_text = text("a text or a number", values.sysctl_value)


def read_version(value: object) -> Literal[1]:
    """Read the version of the format."""
    plain = unwrap(value)
    if plain != 1 or isinstance(plain, bool):
        raise WrongValueError(f"expected 1, found {described(value)}", "this podnet reads version 1 of the format")
    return 1


def read_sysctl_value(value: object) -> str:
    """Read the value of a sysctl, a text or a number, as the text that goes into the kernel."""
    plain = unwrap(value)
    if isinstance(plain, bool):
        raise WrongValueError(f"expected a text or a number, found {described(value)}", f"write {int(plain)}")
    return str(plain) if isinstance(plain, int) else _read_sysctl_text(value)


def read_tunnel_mtu(value: object) -> int | None:
    """Read the MTU of a tunnel; None is `auto`."""
    mtu = read_interface_mtu(value)
    return None if mtu == AUTO else mtu


def read_interface_mtu(value: object) -> int | Literal["auto"]:
    """Read the MTU of an interface, or `auto`."""
    if value == AUTO:
        return AUTO
    try:
        return read_mtu(value)
    except WrongValueError as mistake:
        raise WrongValueError(str(mistake).replace("expected", f"expected {AUTO} or", 1), mistake.hint) from mistake


class _Type(Struct, frozen=True, eq=False):
    """How pydantic reads a value, describes it in the JSON Schema, and writes it where it is not JSON by itself.

    It is PlainValidator, WithJsonSchema and PlainSerializer in one: these look at the signature of each function.
    """

    read: Callable[[object], object]
    schema: JsonDict
    write: Callable[[Any], object] | None = None

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        write = None if self.write is None else core_schema.plain_serializer_function_ser_schema(self.write)
        return core_schema.no_info_plain_validator_function(self.read, serialization=write)

    def __get_pydantic_json_schema__(self, _schema: object, _handler: object) -> JsonDict:
        return dict(self.schema)


def _string(read: Callable[[object], object], pattern: str, write: Callable[[Any], str] | None = None) -> _Type:
    return _Type(read, {"type": "string", "pattern": f"^{pattern}$"}, write)


def _integer(read: Callable[[object], object], low: int, high: int) -> _Type:
    return _Type(read, {"type": "integer", "minimum": low, "maximum": high})


_BYTE = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_ADDRESS = rf"{_BYTE}(\.{_BYTE}){{3}}"
_PREFIX = rf"{_ADDRESS}/(3[0-2]|[12]?[0-9])"
_IPV6_ADDRESS = rf"[0-9A-Fa-f]{{0,4}}(:[0-9A-Fa-f]{{0,4}}){{2,7}}(:{_ADDRESS})?"
_IPV6_PREFIX = rf"{_IPV6_ADDRESS}/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
_NAME = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_IF_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]{0,14}"
_COMMAND: Final[JsonDict] = {"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}}
_MTU: Final[JsonDict] = {"anyOf": [{"const": AUTO}, {"type": "integer", "minimum": MTU_MIN, "maximum": MTU_MAX}]}
_SYSCTL: Final[JsonDict] = {"type": ["string", "integer"], "maxLength": 128}

Version: TypeAlias = Annotated[Literal[1], _Type(read_version, {"const": 1})]
Name: TypeAlias = Annotated[str, _string(read_name, _NAME)]
InterfaceName: TypeAlias = Annotated[IfName, _string(read_if_name, _IF_NAME)]
PodNetwork: TypeAlias = Annotated[Prefix, _string(read_network, _PREFIX, str)]
IPv4Prefix: TypeAlias = Annotated[Prefix, _string(read_prefix, _PREFIX, str)]
IPv6Network: TypeAlias = Annotated[Prefix, _string(read_ipv6_network, _IPV6_PREFIX, str)]
IPv6Prefix: TypeAlias = Annotated[Prefix, _string(read_ipv6_prefix, _IPV6_PREFIX, str)]
IPv6Address: TypeAlias = Annotated[Address, _string(read_ipv6_address, _IPV6_ADDRESS, str)]
IPv6HostAddress: TypeAlias = Annotated[InterfaceAddress, _string(read_ipv6_host_address, _IPV6_PREFIX, str)]
AnyPrefix: TypeAlias = Annotated[Prefix, _string(read_any_prefix, f"({_PREFIX}|{_IPV6_PREFIX})", str)]
AnyAddress: TypeAlias = Annotated[Address, _string(read_any_address, f"({_ADDRESS}|{_IPV6_ADDRESS})", str)]
IPv4Address: TypeAlias = Annotated[Address, _string(read_address, _ADDRESS, str)]
HostAddress: TypeAlias = Annotated[InterfaceAddress, _string(read_host_address, _PREFIX, str)]
PacketMark: TypeAlias = Annotated[values.Mark, _string(read_mark, values.MARK_PATTERN, str)]
PortRanges: TypeAlias = Annotated[
    tuple[values.PortRange, ...],
    _string(read_port_ranges, r"[0-9]+-[0-9]+(,[0-9]+-[0-9]+)*", lambda ranges: ",".join(map(str, ranges))),
]
RuleText: TypeAlias = Annotated[str, _string(read_rule, "-A [ -~]+")]
SysctlName: TypeAlias = Annotated[str, _string(read_sysctl_name, r"net[./][A-Za-z0-9_./-]+")]
SysctlValue: TypeAlias = Annotated[str, _Type(read_sysctl_value, _SYSCTL)]
Flag: TypeAlias = Annotated[bool, _Type(flag, {"type": "boolean"})]
SubnetLen: TypeAlias = Annotated[int, _integer(read_subnet_len, SUBNET_LEN_MIN, SUBNET_LEN_MAX)]
IPv6SubnetLen: TypeAlias = Annotated[int, _integer(read_ipv6_subnet_len, SUBNET_LEN_MIN, IPV6_SUBNET_LEN_MAX)]
PingTarget: TypeAlias = Annotated[str, _string(read_ping, rf"(peers|gateway|\{{address\}}|{_ADDRESS}|{_IPV6_ADDRESS})")]
TcpTarget: TypeAlias = Annotated[
    str, _string(read_tcp, rf"(\{{address\}}|{_ADDRESS}|\[{_IPV6_ADDRESS}\]):[1-9][0-9]{{0,4}}")
]
CommandWords: TypeAlias = Annotated[tuple[str, ...], _Type(values.command_words, _COMMAND)]
Seconds: TypeAlias = Annotated[int, _integer(read_within, values.WITHIN_MIN, values.WITHIN_MAX)]
NodesPath: TypeAlias = Annotated[str, _string(read_nodes_path, r"(.*/)?[^/]+\.(csv|jsonl)")]
PersistPath: TypeAlias = Annotated[str, _string(read_persist, "(none|/.*[^/])")]
Vni: TypeAlias = Annotated[int, _integer(read_vni, VNI_MIN, VNI_MAX)]
Port: TypeAlias = Annotated[int, _integer(read_port, PORT_MIN, PORT_MAX)]
PublicAddress: TypeAlias = Annotated[Address, _string(read_public_address, f"({_ADDRESS}|{_IPV6_ADDRESS})", str)]
TunnelMtu: TypeAlias = Annotated[int | None, _Type(read_tunnel_mtu, _MTU, lambda mtu: AUTO if mtu is None else mtu)]
InterfaceMtu: TypeAlias = Annotated[int | Literal["auto"], _Type(read_interface_mtu, _MTU)]
