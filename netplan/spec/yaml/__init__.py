"""YAML read with the place of every key and value."""
