"""Tools for the work on podnet itself; nothing in here is installed."""
