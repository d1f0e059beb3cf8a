"""podnet on a real kernel: as a user runs it, on nodes of a lab."""
