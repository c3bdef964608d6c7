"""The office: all that people do with recordings, each thing decided, written down, and done.

One place for the command line, the desk and programs, so that none of them can do what R16's
rules refuse, and nothing is done that the audit trail does not tell of (R17). In this order:
decide, write the entry durably, act; a change is made and written down in one transaction.
"""
