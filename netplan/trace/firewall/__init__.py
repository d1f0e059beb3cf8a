"""What rules do to packets: one firewall's chains, and those of other programs beside it."""
