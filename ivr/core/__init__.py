"""The call as a pure machine: no clock, no input or output, no logging."""
