"""podnet beside real programs, a target of make each: `make real-docker`, as root; `make real` runs all."""
