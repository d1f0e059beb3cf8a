"""Addresses of network devices."""
