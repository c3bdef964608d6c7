"""The retention layer: takes finished calls out of the spool, keeps and destroys them (R12 to R18).

A process and a user of its own. The spool (``docs/spool.md``) is all that it shares with the
engine, and neither imports the other.
"""
