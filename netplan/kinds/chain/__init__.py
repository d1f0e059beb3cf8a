"""iptables chains, the rules in them, and where a rule of ours stands among others."""
