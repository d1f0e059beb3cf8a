"""What would change on a node, why, and what that does to traffic.

Pure. It may import desired, trace, spec, kinds, netfilter, and the modules beside it.
"""
