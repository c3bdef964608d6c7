"""Commands of the retention layer (R12 to R18)."""
