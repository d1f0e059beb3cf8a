"""Rules of netfilter as values: the language of iptables, and what nft's dump says in it.

It may import system.netlink (nftables alone), and the modules beside it.
"""
