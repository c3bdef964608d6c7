"""The prompts of the stories: short, for they are told often."""

from __future__ import annotations

LENGTHS = {
    "announcement": (500, 1300),
    "reminder": (400, 1700),
    "goodbye": (300, 2100),
    "busy": (300, 2500),
    "no-answer": (300, 2900),
    "unavailable": (300, 3300),
}
"""Each prompt's length in milliseconds and its pitch."""
