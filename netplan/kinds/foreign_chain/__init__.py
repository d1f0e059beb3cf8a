"""Chains that other programs keep in nftables' own language or in the other iptables: read, never written."""
