"""Forwarding databases of tunnels: behind which host a link-layer address is."""
