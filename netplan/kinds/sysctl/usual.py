"""The parameters that specs usually set: what a record holds, so that a plan made from it knows their values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from netplan.kinds.sysctl.value import is_name

_OF_DEVICES: Final = (
    "accept_local",
    "accept_redirects",
    "accept_source_route",
    "arp_announce",
    "arp_filter",
    "arp_ignore",
    "forwarding",
    "log_martians",
    "proxy_arp",
    "route_localnet",
    "rp_filter",
    "secure_redirects",
    "send_redirects",
    "src_valid_mark",
)
_OF_THE_NODE: Final = frozenset(
    {
        "net.bridge.bridge-nf-call-arptables",
        "net.bridge.bridge-nf-call-ip6tables",
        "net.bridge.bridge-nf-call-iptables",
        "net.core.netdev_max_backlog",
        "net.core.rmem_max",
        "net.core.somaxconn",
        "net.core.wmem_max",
        "net.ipv4.fib_multipath_hash_policy",
        "net.ipv4.icmp_echo_ignore_broadcasts",
        "net.ipv4.ip_default_ttl",
        "net.ipv4.ip_forward",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_nonlocal_bind",
        "net.ipv4.neigh.default.gc_thresh1",
        "net.ipv4.neigh.default.gc_thresh2",
        "net.ipv4.neigh.default.gc_thresh3",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_max_syn_backlog",
        "net.ipv4.tcp_mtu_probing",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_tw_reuse",
        "net.ipv4.tcp_wmem",
        "net.ipv6.conf.all.disable_ipv6",
        "net.ipv6.conf.all.forwarding",
        "net.ipv6.conf.default.disable_ipv6",
        "net.netfilter.nf_conntrack_buckets",
        "net.netfilter.nf_conntrack_max",
        "net.netfilter.nf_conntrack_tcp_be_liberal",
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        "net.netfilter.nf_conntrack_udp_timeout",
        "net.netfilter.nf_conntrack_udp_timeout_stream",
    }
)


def usual(devices: Iterable[str]) -> frozenset[str]:
    """Name them where there are such devices; one whose name is no part of a parameter's is left out."""
    paths = [device.replace(".", "/") for device in ("all", "default", *devices)]
    names = (f"net.ipv4.conf.{path}.{setting}" for path in paths for setting in _OF_DEVICES)
    return _OF_THE_NODE | frozenset(filter(is_name, names))
