"""The kinds of kernel objects: a folder each, with the pure value and codec, and the driver that reads and writes it.

It may import netfilter and the modules beside it; codecs the messages of system.netlink, drivers all of system.
"""
