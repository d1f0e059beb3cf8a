"""The command line: one verb one module, the views apart from the verbs, the exit codes in one place."""
