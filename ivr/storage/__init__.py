"""What must survive: the journal, the spool, and writing that is durable (R22)."""
