"""Hostile inputs for every file that podnet reads: `make fuzz`, and a small run of each kind among the tests."""
