"""What one node should have: the spec compiled into links, routes, rules and settings.

Pure. It may import spec, kinds, netfilter.iptables, and the modules beside it.
"""
