"""Which place a caller has in a queue, by what FreeSWITCH lists (R9)."""

from __future__ import annotations

from ivr.esl.translate import place_of

FIRST, SECOND, GONE = (f"{n}de8ba7b-291b-4a57-8511-68a5e1a242a9" for n in (1, 2, 3))


def line(call: str, state: str, name: str = "Jo") -> str:
    """One caller as FreeSWITCH lists them (docs/freeswitch.md 92)."""
    return f"q|single_box|m-{call}|{call}|0770|{name}|1|2|0|0|0|10|0|||{state}|10"


HEAD = "queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|state|score"


def test_the_place_is_among_those_who_wait() -> None:
    listed = "\n".join(
        (HEAD, line(GONE, "Abandoned"), line(FIRST, "Trying"), line(SECOND, "Waiting"), "+OK")
    )
    assert [place_of(one, listed) for one in (FIRST, SECOND, GONE)] == [1, 2, 0]


def test_a_name_is_no_state() -> None:
    """R23: a stranger's display name may hold anything."""
    listed = "\n".join(
        (line(GONE, "Abandoned", "a|Waiting|b"), line(FIRST, "Waiting", f"|{SECOND}x|"))
    )
    assert place_of(FIRST, listed) == 1
    assert place_of(SECOND, listed) == 0
