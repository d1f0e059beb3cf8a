"""What podnet remembers on a node: the lock, the journal of an apply under way, and the generations before it."""
