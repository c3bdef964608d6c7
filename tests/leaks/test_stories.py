"""The stories press what they say at the edges that they name, and an unguarded switch keeps it."""

from __future__ import annotations

import re

import pytest

from ivr.lab import LabCall, LabSwitch, TurnedClock
from ivr.lab.session import Action
from tests.leaks import stories
from tests.leaks.cards import CARDS, keyed
from tests.leaks.search import digits_in, keys_told, tones_in
from tests.leaks.stories import Story

CARD = CARDS[1]
PAUSED = (
    *stories.by_themselves(CARD),
    *stories.with_the_test(CARD),
    *stories.of_staff(CARD, "07700900123"),
)
LINE = stories.to_the_payment_line(CARD)


class Told:
    """A story told on a switch where somebody masks, and nobody hides keys."""

    def __init__(self, story: Story, folder) -> None:
        self.clock = TurnedClock()
        self.switch = LabSwitch(self.clock, seed=1, folder=folder)
        self.path = str(folder / "call.wav")
        self.masks = 0
        record = (Action("record_session", self.path),)
        answered = f"execute_on_answer='record_session {self.path}'"
        self.switch.dialplan = {
            stories.COLLEAGUE: (Action("bridge", "sofia/lab/colleague"),),
            stories.PAYMENT: (Action("bridge", "sofia/lab/pay"),),
            ".*": (
                Action("set", "RECORD_STEREO=true"),
                Action("answer"),
                *(() if story.staff else record),
                Action(
                    "bridge",
                    f"{{{answered if story.staff else 'a=b'},RECORD_STEREO=true}}sofia/lab/desk",
                ),
            ),
        }
        self.story = story
        self.call: LabCall = self.switch.place(story.script)
        self.clock.run(100)
        desk = self.call.at("desk")
        self.customer, self.agent = (desk, self.call.leg) if story.staff else (self.call.leg, desk)
        while not self.call.done.ready():
            self.clock.run(20)
            self._guard()
        self.clock.run_until(lambda: not self.switch.legs())

    def _guard(self) -> None:
        """What the engine does at the agent's codes, and what the test does when it is asked."""
        codes = re.findall(r"\*[78]", self.agent.pressed)
        story = self.story
        asked = story.ready is not None and story.ready.come
        if len(codes) > self.masks:
            self._record("mask" if codes[self.masks] == "*7" else "unmask")
            self.masks += 1
        elif "pause" in story.asks and asked and not self.masks:
            self._record("mask")
            self.masks += 1
        for moment in story.asks.values() if asked else ():
            moment.now()

    def _record(self, action: str) -> None:
        assert self.switch.api("uuid_record", f"{self.customer.uuid} {action} {self.path}") == (
            "+OK Success\n"
        )


@pytest.mark.parametrize("story", PAUSED, ids=lambda story: story.name)
def test_a_story_keys_the_card_while_it_is_masked_and_the_switch_keeps_it(story, tmp_path):
    told = Told(story, tmp_path)
    assert told.customer.pressed == story.keys
    assert keyed(CARD)[:-1] in told.customer.pressed + told.agent.pressed
    assert digits_in(tmp_path / "freeswitch.log", CARD)
    assert digits_in(tmp_path / "cdr", CARD)
    assert told.masks
    heard = [tone for tone in tones_in(tmp_path / "call.wav") if tone.channel == 0]
    assert len(heard) <= 1, "but at an edge it was all in the masked span"
    assert bool(heard) == (
        story.name in {"a key down before the mask", "a key up after the unmask"}
    )


@pytest.mark.parametrize("story", LINE, ids=lambda story: story.name)
def test_at_a_payment_line_the_keys_reach_it_and_all_is_kept(story, tmp_path):
    told = Told(story, tmp_path)
    assert told.call.at("pay").heard_keys == told.customer.pressed == story.keys
    assert story.keys in keys_told(tmp_path)[told.customer.uuid]
    heard = [tone.key for tone in tones_in(tmp_path / "call.wav") if tone.channel == 0]
    assert "".join(heard) == story.keys
