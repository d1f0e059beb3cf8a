"""Netlink: the messages on the wire, and the channels that carry them."""
