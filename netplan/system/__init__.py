"""The machine: programs, files, processes, the clock, and netlink.

It may import the modules beside it, and nothing else of podnet's.
"""
