"""The command line: ``ivr``. Each command's heavy imports are within it, so that all start fast."""

from ivr.cli.root import main

__all__ = ["main"]
