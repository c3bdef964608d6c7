"""``python -m ivr.cli``."""

from ivr.cli.root import main

main()
