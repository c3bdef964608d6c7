"""Migrations of the index: one file a revision, run by :mod:`ivr.retention.index.migrating`."""
