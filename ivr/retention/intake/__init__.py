"""Taking in: what the engine left in the spool becomes the archive's, and the index's (R12, R22).

It keeps to ``docs/spool.md``; :mod:`ivr.retention.intake.taking` has the order and the reasons.
"""
