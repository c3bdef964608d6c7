"""Nothing of a card is left, whatever the moment at which it was keyed (R6, R7).

Five hundred calls, each with a card number, its expiry and its security code, keyed in and around
every edge of a pause; then every byte that the engine and the switch wrote is searched, and every
recording listened to. The lab switch keeps what FreeSWITCH keeps, at INFO; so what protects a
caller can be taken out, one thing after the other, and has to be missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.core import commands as do
from ivr.core import pausing
from ivr.core.state import CallState
from ivr.esl import wording
from ivr.lab.record import Recording
from ivr.storage import readback
from tests.leaks import stories
from tests.leaks.cards import CARDS
from tests.leaks.payments import STAFF_CALL, Payments, Told, by_phone
from tests.leaks.search import digits_in, keys_told
from tests.leaks.stories import Story

BATCHES = 6
CARD_DIGITS = 8
ON_THE_WAY = 1
"""Keys that may come up between the last of the digits and FreeSWITCH's hiding of the rest."""
AGENT = 1
"""The channel of the recording."""


def every_story(card: str) -> list[Story]:
    by_page, restarted = stories.with_the_test(card)
    return [
        *stories.by_themselves(card),
        by_page,
        *([restarted] if card in CARDS[:2] else []),
        *stories.of_staff(card, STAFF_CALL),
    ]


def at_the_line(card: str) -> list[Story]:
    return [*stories.to_the_payment_line(card), *by_phone(card)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Payments]:
    house = Payments(tmp_path)
    house.begin()
    yield house
    house.close()


def told(house: Payments, tales: Callable[[str], list[Story]], cards: Any = CARDS) -> list[Told]:
    return house.tell([(story, card) for card in cards for story in tales(card)])


def left(house: Payments, calls: list[Told]) -> list[object]:
    """All that is left of the cards, and every key that is heard, feature codes apart."""
    tones = [
        (one.story.name, tone)
        for one in calls
        for tone in house.tones_left(one)
        if (tone.channel, tone.key) != (AGENT, "*")
    ]
    return [*house.digits_left(CARDS), *house.keys_left(calls), *tones]


def left_in_output(capfd: Any, calls: int) -> list[object]:
    """The same of what the engine printed: there must be something about each of the calls."""
    out, err = capfd.readouterr()
    assert out.count("call ended") >= calls, "it printed nothing, so nothing was searched"
    printed = {"stdout": out, "stderr": err}
    return [*digits_in(printed, *CARDS), *keys_told(printed).items()]


def test_of_five_hundred_cards_nothing_is_left(house: Payments, capfd: Any) -> None:
    calls: list[Told] = []
    for _ in range(BATCHES):
        calls += told(house, every_story)
    assert len(calls) >= 500
    assert left(house, calls) == []
    assert left_in_output(capfd, len(calls)) == []
    for one in calls:
        recording = house.record(one)["recording"]
        assert recording["state"] == "kept", one.story.name
        leaked = [pause["leaked_peak"] for pause in recording["pauses"]]
        assert leaked == [0] * one.story.pauses, one.story.name


def test_what_is_keyed_at_a_payment_line_reaches_it_and_is_kept_nowhere(
    house: Payments, capfd: Any
) -> None:
    house.switch.kept.level = "ERR"  # as deploy/freeswitch has it: FreeSWITCH logs keys at INFO
    calls = told(house, at_the_line)
    assert [one.heard for one in calls] == [one.story.keys for one in calls]
    assert left(house, calls) == []
    assert left_in_output(capfd, len(calls)) == []
    for one in calls:
        (pause,) = house.record(one)["recording"]["pauses"]
        assert (pause["by"], pause["how"]) == ("payment-line", "masked")


@pytest.fixture
def watchful(tmp_path: Path) -> Iterator[Payments]:
    """A site where eight digits in a row pause by themselves."""
    house = Payments(tmp_path)
    (tmp_path / "dialplan/teams/customer-services.yaml").write_text(
        f"name: Customer Services\npause:\n  card_digits: {CARD_DIGITS}\n"
    )
    house.begin()
    yield house
    house.close()


def test_of_a_card_for_which_nobody_pauses_only_freeswitch_has_the_first_digits(
    watchful: Payments, capfd: Any
) -> None:
    """Until the digits are counted nobody knows what they are: FreeSWITCH tells of them in events
    and, at INFO, in its log. Those that are on their way while it is asked to hide them are told
    of, too; the rest is not, and nothing that the engine keeps, shows or prints has any of it."""
    calls = told(watchful, stories.with_nobody_pausing)
    assert left_in_output(capfd, len(calls)) == []
    for kept in (
        watchful.spool,
        watchful.freeswitch / "cdr",
        watchful.said,
        "\n".join(watchful.states),
    ):
        assert digits_in(kept, *CARDS) == []
        assert keys_told(kept) == {}
    asked = {name: data for name, data in watchful.switch.traffic.items() if "from the" in name}
    assert digits_in(asked, *CARDS) == []
    assert keys_told(asked) == {}
    shown = list[str]()
    for one in calls:
        assert watchful.tones_left(one) == [], one.card
        (pause,) = watchful.record(one)["recording"]["pauses"]
        assert (pause["by"], pause["leaked_peak"]) == ("digits", 0), one.card
        sources: list[Any] = [{name: data} for name, data in watchful.switch.traffic.items()]
        for source in (*sources, watchful.freeswitch / "freeswitch.log"):
            keys = keys_told(source).get(one.call.uuid, "")
            if keys:
                assert one.story.keys.startswith(keys), one.card
                assert CARD_DIGITS <= len(keys) <= CARD_DIGITS + ON_THE_WAY, one.card
                shown.append(keys)
    assert len(shown) >= 2 * len(calls), "FreeSWITCH told of none: nothing was tried"


def test_of_a_mask_that_never_held_nothing_is_left_either(
    house: Payments, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setattr(Recording, "mask", lambda recording: None)
    calls = told(house, stories.by_themselves, CARDS[:1])
    assert left(house, calls) == []
    assert left_in_output(capfd, len(calls)) == []
    for one in calls:
        pauses = house.record(one)["recording"]["pauses"]
        assert len(pauses) == one.story.pauses, one.story.name
        for pause in pauses:
            assert (pause["verdict"], pause["leaked_peak"] > 0) == ("repaired", True)
    leaked = house.metric("ivr_masks_leaked_total")
    assert leaked == sum(one.story.pauses for one in calls)


def test_a_refused_mask_leaves_a_gap_and_no_card(house: Payments) -> None:
    house.switch.faults.refuse_mask(times=-1)
    calls = told(house, lambda card: stories.by_themselves(card)[:1], CARDS[:2])
    assert left(house, calls) == []
    for one in calls:
        recording = house.record(one)["recording"]
        assert [part["path"] for part in recording["parts"]] == [
            f"new/{one.call.uuid}.wav",
            f"new/{one.call.uuid}.2.wav",
        ]
        assert {pause["how"] for pause in recording["pauses"]} == {"stopped"}
    assert house.metric("ivr_masks_refused_total") == len(calls)


# What protects a caller, taken out.


Sabotage = Callable[[Payments, pytest.MonkeyPatch], None]


def _keys_not_hidden(house: Payments, patch: pytest.MonkeyPatch) -> None:
    said = "api uuid_exists"
    patch.setattr(wording, "_sensitive", lambda leg, yes, paused=None: wording._if(leg, said))


def _not_masked(house: Payments, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Recording, "mask", lambda recording: None)
    patch.setattr(readback.ReadBack, "_silence", lambda *_: None)


def _not_proved(house: Payments, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(readback.ReadBack, "_silence", lambda *_: None)


def _unmasked_by_a_restart(house: Payments, patch: pytest.MonkeyPatch) -> None:
    policy = house.engine.context.configuration.routes[0].policy
    patch.setattr(pausing, "taken_up", lambda state: pausing._end(state, "nobody", policy))


def _digits_not_filtered(house: Payments, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(wording.VARIABLES, "digits_dialed_filter", "")
    pairs = wording._PAIRS.replace("digits_dialed_filter=^(.+)$", "digits_dialed_filter=")
    patch.setattr(wording, "_PAIRS", pairs)
    rendered = house.dialplan

    def unfiltered(*ports: int) -> Any:
        return tuple(
            replace(
                one,
                conditions=tuple(
                    replace(
                        condition,
                        actions=tuple(
                            action
                            for action in condition.actions
                            if "digits_dialed_filter" not in action.arg
                        ),
                    )
                    for condition in one.conditions
                ),
            )
            for one in rendered(*ports)
        )

    house.switch.dialplan = unfiltered(house.engine.calls.port)


def _keys_still_told(house: Payments, patch: pytest.MonkeyPatch) -> None:
    def hide(state: CallState) -> tuple[do.Command, ...]:
        return (do.HideKeys(state.paused_by, state.paused_at, relayed=state.at_line),)

    patch.setattr(pausing, "_hide", hide)


@pytest.mark.parametrize(
    ("sabotage", "tales"),
    [
        (_keys_not_hidden, every_story),
        (_not_masked, every_story),
        (_not_proved, every_story),
        (_unmasked_by_a_restart, every_story),
        (_digits_not_filtered, at_the_line),
        (_keys_still_told, at_the_line),
    ],
    ids=lambda one: one.__name__.strip("_"),
)
def test_it_is_found_when_what_protects_a_caller_is_taken_out(
    house: Payments,
    monkeypatch: pytest.MonkeyPatch,
    sabotage: Sabotage,
    tales: Callable[[str], list[Story]],
) -> None:
    if tales is at_the_line:
        house.switch.kept.level = "ERR"
    sabotage(house, monkeypatch)
    assert left(house, told(house, tales, CARDS[:1])) != []


@pytest.mark.parametrize("form", ["pressed key={}", "heard what={}"])
def test_it_is_found_when_the_engine_prints_the_keys(
    watchful: Payments, monkeypatch: pytest.MonkeyPatch, capfd: Any, form: str
) -> None:
    original = pausing.key_pressed

    def printed(state: Any, event: Any, policy: Any) -> Any:
        print(form.format(event.key))
        return original(state, event, policy)

    monkeypatch.setattr(pausing, "key_pressed", printed)
    calls = told(watchful, stories.with_nobody_pausing, CARDS[:1])
    assert left_in_output(capfd, len(calls)) != []
