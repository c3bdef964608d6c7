"""The audit trail (R17): append-only, each entry bound to the one before it by its hash.

Whoever changes, removes or moves an entry is found by :func:`ivr.retention.audit.verify.verify`.
``docs/decisions/0016-audit-trail.md`` says what that rests on and what it cannot do.
"""
