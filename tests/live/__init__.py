"""Against a real FreeSWITCH, where one is installed."""
