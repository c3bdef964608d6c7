"""Agents who key: pause, a while later resume, and how long the mask takes to be confirmed.

Runs in the driver's process. A code is keyed at the leg of an agent who is connected for good,
chosen at random, at a random moment; FreeSWITCH tells of it with CHANNEL_APPLICATION over its own
event socket, as the ``event`` application that ``bind_digit_action`` executes makes it, and
when FreeSWITCH would: it looks for new events every 20 ms (docs/freeswitch.md 45). The
confirmation is the answer to ``uuid_record ... mask``.
"""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

from .templates import AT, Event

if TYPE_CHECKING:
    from .call import Call
    from .switch import Switch

LONGEST_S = 10.0
"""An answer that has not come by then is a failure."""
LEAVING_S = 0.005
"""Between the hangups of those who stayed until the last code."""


class _Keyed:
    """A code that was keyed, and when."""

    __slots__ = ("call", "feature", "sent", "since")

    def __init__(self, call: Call, feature: str) -> None:
        self.call = call
        self.feature = feature
        self.since = time.time_ns()
        self.sent = self.since

    def told(self) -> None:
        """The client is being told now."""
        self.sent = time.time_ns()


class Keys:
    """What the agents of one load key, and what came of it."""

    def __init__(self, switch: Switch, event: Event) -> None:
        load = switch.load
        self.masked: list[float] = []
        """From FreeSWITCH's noticing the code to its having answered the mask, ms."""
        self.reacted: list[float] = []
        """Of that the client's part: from the event's being sent to the mask's arrival, ms."""
        self.unmasked: list[float] = []
        """From FreeSWITCH's noticing the other code to its having answered the unmask, ms."""
        self.over = not load.stay
        self._switch = switch
        self._event = event
        self._random = random.Random(load.seed + 1)  # moments and calls, no secret
        self._free: list[Call] = []
        self._keyed: dict[str, _Keyed] = {}
        self._connected = self._begun = self._settled = 0

    def connected(self, call: Call) -> None:
        """A call that stays; the first code is keyed when all are there."""
        self._free.append(call)
        self._connected += 1
        if self._connected == self._switch.load.stay:
            self._expect()

    def gone(self, call: Call) -> None:
        """A call has ended, for whatever reason."""
        if call in self._free:
            self._free.remove(call)

    def answered(self, line: str, arrived: int) -> None:
        """The driver has sent the answer to this ``api``, which arrived at this moment (ns)."""
        verb, _, rest = line.partition(" ")
        if verb != "uuid_record":
            return
        uuid, _, rest = rest.partition(" ")
        action = rest.partition(" ")[0]
        keyed = self._keyed.get(uuid)
        if keyed is None or action != ("mask" if keyed.feature == "pause" else "unmask"):
            return
        call = self._keyed.pop(uuid).call
        took = (time.time_ns() - keyed.since) / 1e6
        if keyed.feature == "pause":
            self.masked.append(took)
            self.reacted.append((arrived - keyed.sent) / 1e6)
            if call.get("sensitive_dtmf") != "true":
                self._switch.fault("masked while keys were not hidden")
            # At random too: FreeSWITCH looks for events at even steps.
            after_s = self._switch.load.paused_ms / 1000 * self._random.uniform(0.5, 1.5)
            self._switch.after(after_s, partial(self._key, call, "resume"))
        else:
            self.unmasked.append(took)
            self._free.append(call)
            self._settle()

    def _expect(self) -> None:
        load = self._switch.load
        if self._begun == load.keys:
            return
        self._begun += 1
        self._switch.after(self._random.expovariate(load.keys_rate), self._due)

    def _due(self) -> None:
        self._expect()
        if not self._free:
            self._switch.fault("no call was there to pause")
            self._settle()
            return
        at = self._random.randrange(len(self._free))
        self._free[at], self._free[-1] = self._free[-1], self._free[at]
        self._key(self._free.pop(), "pause")

    def _key(self, call: Call, feature: str) -> None:
        keyed = self._keyed[call.uuid] = _Keyed(call, feature)
        for values in (call.plain_values, call.json_values):
            values[AT["feature"]] = feature.encode()
        self._switch.tell(call, self._event, call.other, keyed.told)
        self._switch.after(LONGEST_S, partial(self._late, keyed))

    def _late(self, keyed: _Keyed) -> None:
        if self._keyed.get(keyed.call.uuid) is keyed:
            del self._keyed[keyed.call.uuid]
            self._switch.fault(f"{keyed.feature} was keyed and nothing came of it")
            self._settle()

    def _settle(self) -> None:
        """One pause has come to its end; after the last one, those who stayed hang up."""
        self._settled += 1
        if self._settled == self._switch.load.keys:
            self.over = True
            self._switch.enough()
            staying = [call for call in self._switch.calls.values() if call.stays]
            for number, call in enumerate(staying):
                self._switch.after(number * LEAVING_S, call.hang_up)
