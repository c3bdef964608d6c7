"""Call recording for FreeSWITCH: announced, opted out of, and kept for certain."""

__version__ = "0.1.0"
