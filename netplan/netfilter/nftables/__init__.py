"""Rules that other programs keep in nftables' own language, read over netlink and never written."""
