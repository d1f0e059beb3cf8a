"""Permanent neighbours: which link-layer address an address behind a device has."""
