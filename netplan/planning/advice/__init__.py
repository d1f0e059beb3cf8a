"""What a plan warns of: one module a subject."""
