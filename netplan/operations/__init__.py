"""The use cases: one function each, callable without a terminal; the only place that joins kernel and store.

It may import planning, kernel, store and what is below them; it prints nothing.
"""
