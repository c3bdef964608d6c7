"""Tokens of programs: what is kept of them, in a private file, and whose a presented one is.

The engine's HTTP interface and the retention service each have a file of their own, with scopes of
their own (:class:`ivr.tokens.token.Use`).
"""
