"""Mails with copies on their way to customers: kept until they are sent, and never sent twice
without somebody being told (R15)."""
