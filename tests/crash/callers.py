"""All the people at a switch: who calls, and who is at each telephone that rings."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lab import CallScript, Destination
from ivr.lab.leg import Leg
from tests.crash.people import AGENT_HZ, CALLER_HZ, Dialogue, Someone, alive
from tests.crash.switch import TruthfulSwitch

Caller = Callable[[Dialogue], None]
Called = Callable[[Dialogue, Someone], None]


class Callers:
    """Places calls, and has those who are called do their part."""

    switch: TruthfulSwitch

    def __init__(self, switch: TruthfulSwitch) -> None:
        self.calls: list[Dialogue] = []
        self.answering: dict[str, Called] = {}
        """What who answers at a number does."""
        self._by_leg: dict[str, Dialogue] = {}
        self.move(switch)

    def move(self, switch: TruthfulSwitch) -> None:
        """Be at this switch from now on."""
        self.switch = switch
        switch.on_leg = self._ring

    @property
    def all_over(self) -> bool:
        """All calls have come to their ends."""
        return all(one.call.done.ready() for one in self.calls)

    def place(self, label: str, dialled: str, caller: Caller, context: str = "public") -> Dialogue:
        """Have somebody call; a member of staff from the context ``default``."""
        there = {name: Destination(hz=AGENT_HZ) for name in self.answering}
        script = CallScript(dialled=dialled, hz=CALLER_HZ, destinations=there, context=context)
        dialogue = Dialogue(self.switch, self.switch.place(script), label)
        self.calls.append(dialogue)
        self._by_leg[dialogue.leg.uuid] = dialogue
        alive(lambda: caller(dialogue))
        return dialogue

    def _ring(self, leg: Leg) -> None:
        act = self.answering.get(leg.party.dialled) if leg.outbound else None
        if act is not None:
            me = Someone(self.switch, leg, AGENT_HZ, "destination")
            alive(lambda: self._answer(me, act))

    def _answer(self, me: Someone, act: Called) -> None:
        def there() -> Dialogue | None:
            return self._by_leg.get(me.leg.peer.uuid) if me.leg.peer is not None else None

        me.until(lambda: there() is not None)
        if (dialogue := there()) is not None:
            act(dialogue, me)
