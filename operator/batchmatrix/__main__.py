"""`python -m batchmatrix`."""

from batchmatrix.cli.main import main

main()
