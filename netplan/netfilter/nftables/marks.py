"""How rules of nftables set the mark of a packet or of its connection, in the words of MARK and CONNMARK."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import reduce
from typing import Final

from netplan.netfilter.nftables.expression import Expression
from netplan.netfilter.nftables.load import native
from netplan.netfilter.nftables.path import Path

_ALL_BITS: Final = 0xFFFFFFFF


def mark_set(path: Path, expression: Expression) -> Path:
    """Read what sets the mark of a packet (`meta`), or of its connection (`ct`), from a register."""
    of_packet = expression.name == "meta"
    return reduce(Path.marking, _targets(path, expression.number(3 if of_packet else 4), of_packet=of_packet), path)


def mark_set_by_target(path: Path, name: str, info: bytes) -> Path:
    """Read the target MARK or CONNMARK of iptables, by what the kernel keeps of it (linux/netfilter/xt_connmark.h)."""
    return path.marking(f"-j {name} {_option(name, info)}")


def _targets(path: Path, register: int, *, of_packet: bool) -> Iterator[str]:
    """Say how a packet's mark, or its connection's, is set from a register.

    That is to a number, by changing bits of its own, or from the other mark.
    """
    target, own, other = ("MARK", "mark", "ct mark") if of_packet else ("CONNMARK", "ct mark", "mark")
    data, load = path.data(register, 4), path.load(register)
    if data is not None:
        yield f"-j {target} --set-xmark {native(data):#x}/{_ALL_BITS:#x}"
        return
    mask = native(load.mask) if load is not None and load.mask else _ALL_BITS
    flip = native(load.flip) if load is not None and load.flip else 0
    if load is not None and load.what == own:
        yield f"-j {target} --set-xmark {flip:#x}/{~mask & _ALL_BITS:#x}"
    elif load is not None and load.what == other:
        masks = (_ALL_BITS, mask) if of_packet else (mask, _ALL_BITS)
        copied = "restore" if of_packet else "save"
        yield f"-j CONNMARK --{copied}-mark --nfmask {masks[0]:#x} --ctmask {masks[1]:#x}"
        if flip:
            yield f"-j {target} --set-xmark {flip:#x}/0x0"
    else:
        yield f"-j {target} --set-nft"


def _option(name: str, info: bytes) -> str:
    value, mask = struct.unpack_from("=II", info)
    if name == "MARK":
        return f"--set-xmark {value:#x}/{mask:#x}"
    nfmask, mode = struct.unpack_from("=IB", info, 8)
    masks = f"--nfmask {nfmask:#x} --ctmask {mask:#x}"
    return (f"--set-xmark {value:#x}/{mask:#x}", f"--save-mark {masks}", f"--restore-mark {masks}")[mode]
