"""The verbs: one module each, which parses, calls an operation and shows what came of it."""
