"""`python -m netplan` is the same as `podnet`."""

from netplan.cli.main import main

main()
