"""Sockets of programs, of the UDP port of which a tunnel may be kept out."""
