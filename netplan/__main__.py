"""`python -m netplan` is the same as `podnet`."""

from netplan.cli.start import main

main()
