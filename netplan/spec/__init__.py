"""YAML text -> a frozen, validated, typed cluster spec that knows the place of every key.

`load.py` is the way in. Nothing here asks the kernel or prints; `load.py` alone reads files, and nothing writes one.
It may import values of kinds, netfilter.iptables, system.files, and the modules beside it.
"""
