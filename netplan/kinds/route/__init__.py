"""Routes of the kernel's forwarding tables."""
