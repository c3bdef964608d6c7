"""FreeSWITCH's event socket: bytes, messages, one connection, and what they mean."""
