"""The rule language of iptables, pure: parsed, compared and printed as iptables-save prints it."""
