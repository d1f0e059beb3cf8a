"""Connections that the kernel tracks, and rewrites as was decided for their first packet."""
