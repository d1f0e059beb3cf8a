"""Rules of policy routing: which table routes which packets."""
