"""Whether the kernel has anything of IPsec at all, by the messages of ip-xfrm(8) (linux/xfrm.h)."""

from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Final

from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import attributes

_XFRM: Final = 6
_ASSOCIATIONS: Final = 0x23
_POLICIES: Final = 0x25
"""XFRM_MSG_GETSADINFO and XFRM_MSG_GETSPDINFO."""

_ALL: Final = b"\xff" * 4
_COUNTS: Final = 1
"""XFRMA_SAD_CNT, and XFRMA_SPD_INFO: numbers of associations, or of policies by their directions."""

_PF_KEY: Final = Path("/proc/net/pfkey")
"""It is there if programs may also make policies by PF_KEY (RFC 2367)."""


def has_ipsec() -> bool | None:
    """Return whether there are policies or associations of IPsec, None if the kernel does not tell."""
    try:
        with Channel(_XFRM) as channel:
            return any(_counted(channel, question) for question in (_POLICIES, _ASSOCIATIONS))
    except OSError as error:
        absent = error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT) and not _PF_KEY.exists()
        return False if absent else None


def _counted(channel: Channel, question: int) -> int:
    counts = attributes(channel.get(question, _ALL)[len(_ALL) :])[_COUNTS]
    return sum(struct.unpack(f"={len(counts) // 4}I", counts))
