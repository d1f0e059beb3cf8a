"""Kernel parameters below /proc/sys/net."""
