"""Callers understand the shipped prompts: a recogniser that knows general English does (R1, R3).

pocketsphinx writes down each prompt with the model, the dictionary and the language model of its
wheel as they are; nothing tells it what to expect. Only the 16 kHz files are read so: the model
listens up to 6.8 kHz, and hears no s, f or p in any telephone speech. The 8 kHz files hold the
same speech (``test_audio.py``).
"""

from __future__ import annotations

import re
import wave
from collections import Counter
from dataclasses import dataclass

import pytest
from pocketsphinx import Decoder

from .catalogue import ShippedPrompt, shipped

MOST_WORDS_WRONG = 0.25

OPT_OUT = "recorded press star hash star opt out ends call"
KEY_WORDS = {
    "announcement": f"council service protect {OPT_OUT}",
    "announcement-council-tax": f"council tax agreed protect {OPT_OUT}",
    "reminder": "asked not recorded opt out ends call return press one hang up",
    "goodbye": "end call website letter visiting offices",
    "busy": "sorry busy again later website",
    "no-answer": "sorry no answer again later website",
    "unavailable": "sorry cannot connect again later website letter visiting offices",
    "no-engine": "sorry technical problem cannot take again minutes website",
    "closed": "council offices closed again open website",
    "overflow": "sorry nobody answered connect another team",
    "queue-announcement": "waiting staff busy hold line answer call",
    "place-1": "number one queue next answer",
    "place-2": "number two queue",
    "place-3": "number three queue",
    "place-4": "number four queue",
    "place-5": "number five queue",
    "place-more": "more than five before queue",
}
"""The words without which a caller would not know what to do, as often as listed.

A prompt that is not here, of a team that came later, is held to the error rate alone."""

SEVERAL_LANGUAGES = ("choose-language",)
ENGLISH = [
    prompt
    for prompt in shipped()
    if prompt.language.startswith("en") and prompt.name not in SEVERAL_LANGUAGES
]
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def words(text: str) -> list[str]:
    """The words of a text as a recogniser would write them."""
    spelled = re.sub("[0-9]", lambda digit: f" {DIGITS[int(digit.group())]} ", text.lower())
    return re.findall(r"[a-z']+", spelled)


def word_error_rate(said: list[str], heard: list[str]) -> float:
    """Words missed, added or mistaken, for each word said."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (word != other)))
    return row[-1] / len(said)


@dataclass(frozen=True)
class Hearing:
    """How a prompt came over."""

    missing: Counter[str]
    """Key words that were not heard."""
    error_rate: float

    @property
    def understood(self) -> bool:
        """Whether a caller would know what to do."""
        return not self.missing and self.error_rate <= MOST_WORDS_WRONG


def compare(prompt: ShippedPrompt, heard: str) -> Hearing:
    """Hold what was heard against the catalogue."""
    missing = Counter(KEY_WORDS.get(prompt.name, "").split()) - Counter(words(heard))
    return Hearing(missing, word_error_rate(words(prompt.text), words(heard)))


@pytest.fixture(scope="module")
def recogniser() -> Decoder:
    return Decoder(loglevel="FATAL")


@pytest.mark.parametrize("prompt", ENGLISH, ids=str)
def test_a_recogniser_writes_down_what_the_catalogue_says(
    prompt: ShippedPrompt, recogniser: Decoder
) -> None:
    with wave.open(str(prompt.path(16000)), "rb") as file:
        audio = file.readframes(file.getnframes())
    recogniser.start_utt()
    recogniser.process_raw(audio, full_utt=True)
    recogniser.end_utt()
    hypothesis = recogniser.hyp()
    heard = hypothesis.hypstr if hypothesis else ""
    hearing = compare(prompt, heard)
    print(f"{prompt}: {hearing.error_rate:.2f} of the words wrong: {heard}")
    assert hearing.understood, f"{hearing}\nsaid:  {' '.join(words(prompt.text))}\nheard: {heard}"


@pytest.mark.parametrize("prompt", ENGLISH, ids=str)
def test_the_catalogues_own_words_pass_and_those_of_another_prompt_do_not(
    prompt: ShippedPrompt,
) -> None:
    assert compare(prompt, prompt.text) == Hearing(Counter(), 0.0)
    for other in ENGLISH:
        if other != prompt and other.language == prompt.language:
            assert not compare(prompt, other.text).understood, other


@pytest.mark.parametrize("prompt", ENGLISH, ids=str)
def test_keys_are_called_what_callers_call_them(prompt: ShippedPrompt) -> None:
    assert not {"pound", "asterisk", "sharp", "square"} & set(words(prompt.text))


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("press 1 now", "press one now", 0),
        ("call-recording", "call recording", 0),
        ("the call ends", "the collins", 2 / 3),
        ("the call ends", "", 1),
        ("the call", "the call the call", 1),
        ("star hash star", "start hash star", 1 / 3),
    ],
)
def test_the_error_rate_counts_words_missed_added_and_mistaken(
    said: str, heard: str, rate: float
) -> None:
    assert word_error_rate(words(said), words(heard)) == pytest.approx(rate)
