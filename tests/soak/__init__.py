"""What takes long, or needs more of the machine than a user namespace: `make soak`, as root."""
