"""Call recording for FreeSWITCH: announced, opted out of, paused and proved."""

__version__ = "0.1.0"
