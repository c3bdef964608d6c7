"""Recordings as files: reading them back and setting right what a crash left (R22)."""
