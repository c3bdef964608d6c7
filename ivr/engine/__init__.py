"""The engine: one driver a call, what listens for calls, and what watches FreeSWITCH."""
