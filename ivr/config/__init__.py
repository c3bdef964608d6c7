"""The YAML that telephony engineers edit: its schema, its checking, and what is made of it."""
