"""The revisions, in order of their numbers. One that was released never changes."""
