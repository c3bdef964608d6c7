"""What can go wrong, and whether trying again can help.

Every error a user can cause is an :class:`IvrError`. Its message is one or more
plain lines: what is wrong, where, what was expected and what to do. The command
line prints it without a traceback and exits with :attr:`IvrError.exit_code`.
"""

from __future__ import annotations

FAULT_EXIT_CODE = 70
"""What the command line ends with by a fault of the program's own (``docs/exit-codes.md``). Python
would end with 1, that of mistakes in the configuration, after which nobody starts it again."""


class IvrError(Exception):
    """Something is wrong that its message explains to the person who can mend it."""

    exit_code = 1
    """What the command line ends with (see ``docs/exit-codes.md``)."""

    retry = False
    """Whether the same thing, tried again unchanged, can succeed."""


class ConfigError(IvrError):
    """YAML or prompts are wrong; the message has one line per mistake."""

    exit_code = 1


class UsageError(IvrError):
    """The command was called with words that do not fit."""

    exit_code = 2


class SetupError(IvrError):
    """The machine is not ready: a port is taken, a folder is missing or not writable."""

    exit_code = 3


class DiskError(IvrError):
    """The disk refused a write that something must survive on."""

    exit_code = 4
    retry = True


class SwitchError(IvrError):
    """FreeSWITCH is away, refused the password, or answered ``-ERR``."""

    exit_code = 5
    retry = True


class WireError(IvrError):
    """Bytes from the event socket are not its protocol; the connection is of no more use."""

    exit_code = 5


class SpoolError(IvrError):
    """A record or recording of the spool is missing, damaged or not what it says."""

    exit_code = 6


class StoreError(IvrError):
    """The archive, the index or the audit trail of the retention layer cannot be used."""

    exit_code = 7
    retry = True


class RefusedError(IvrError):
    """Somebody may not do what they asked for (R16); it is in the audit trail."""

    exit_code = 8
