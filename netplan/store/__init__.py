"""What podnet remembers on a node, durably: the lock, the journal of an apply under way, the generations before it.

It may import kinds, netfilter, system, and the modules beside it.
"""
