"""``ivr case``: what keeps recordings, and what becomes of them after it (R13)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retained import Served, serving
from tests.retention.house import AUDITOR, MANAGER, OFFICER


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(tmp_path, monkeypatch) as served:
        served.person = OFFICER
        yield served


def test_a_case_from_its_opening_to_its_end(served: Served) -> None:
    one, two = served.house.call(1), served.house.call(2)
    opened = served.ivr("case", "open", "C-1", "--kind", "complaint")
    assert opened.stdout == "C-1  complaint  open  0 recordings\n"
    added = served.ivr("case", "add", "C-1", one[:8], two[:8])
    assert added.stdout == "C-1  complaint  open  2 recordings\n"
    assert served.ivr("case", "remove", "C-1", two).stdout.endswith("open  1 recording\n")
    closed = served.ivr("case", "close", "C-1", "--at", "2026-05-31")
    assert closed.stdout.splitlines() == [
        "C-1  complaint  closed 2026-05-31  1 recording",
        "  1 recording until 2027-05-31 (complaints)",
    ]
    assert served.ivr("case", "reopen", "C-1").stdout == "C-1  complaint  open  1 recording\n"
    told = [(action, call) for action, *_, call, case in served.house.audit() if case == "C-1"]
    assert told == [
        ("case-open", ""),
        ("case-add", one),
        ("case-add", two),
        ("case-remove", two),
        ("case-close", ""),
        ("search", ""),
        ("case-reopen", ""),
    ]


def test_open_takes_recordings_at_once(served: Served) -> None:
    one = served.house.call(1)
    opened = served.ivr("case", "open", "C-1", "--kind", "complaint", one)
    assert opened.stdout == "C-1  complaint  open  1 recording\n"


def test_what_another_case_holds_is_said_at_the_close(served: Served) -> None:
    one, two = served.house.call(1), served.house.call(2)
    served.ivr("case", "open", "C-1", "--kind", "complaint", one, two)
    served.ivr("case", "open", "L-1", "--kind", "legal-claim", two)
    assert served.ivr("case", "close", "C-1").stdout.splitlines()[1:] == [
        "  1 recording until 2027-05-31 (complaints)",
        "  1 recording held: legal-claim L-1 is open",
    ]


def test_show_and_ls(served: Served) -> None:
    one = served.house.call(1)
    served.ivr("case", "open", "C-1", "--kind", "complaint", one)
    served.ivr("case", "open", "S-1", "--kind", "subject-access")
    served.ivr("case", "close", "S-1")
    page = " ".join(served.ivr("case", "show", "C-1").stdout.split())
    assert page == (
        f"C-1 kind complaint opened 2026-05-31 12:00 by officer state open recordings {one}"
    )
    assert json.loads(served.ivr("case", "show", "C-1", "--json").stdout)["calls"] == [one]
    lines = {line.split()[0]: line for line in served.ivr("case", "ls").stdout.splitlines()}
    assert set(lines) == {"C-1", "S-1"}
    assert "closed 2026-05-31  0 recordings" in lines["S-1"]
    assert served.ivr("case", "ls", "--open").stdout.startswith("C-1  complaint  open")
    [only] = served.ivr("case", "ls", "--kind", "subject-access", "--json").stdout.splitlines()
    assert json.loads(only)["ref"] == "S-1"
    assert served.ivr("case", "ls", "--kind", "abuse").stderr == "no cases\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", "C-9", "--kind", "complain"), 'did you mean "complaint"'),
        (("open", "C 9", "--kind", "complaint"), "C 9"),
        (("show", "C-9"), "there is no case 'C-9'"),
        (("add", "C-9", "{call}"), "there is no case 'C-9'"),
        (("add", "C-1", "ffffffff"), "ffffffff"),
        (("close", "C-1", "--at", "2026-06-01"), "has not come yet"),
        (("close", "C-1", "--at", "1st"), "--at"),
        (("add", "C-1"), "CALL"),
    ],
)
def test_words_that_do_not_fit(served: Served, words: tuple[str, ...], said: str) -> None:
    call = served.house.call(1)
    served.ivr("case", "open", "C-1", "--kind", "complaint")
    before = served.house.audit()
    result = served.ivr("case", *(word.format(call=call) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr
    assert served.house.audit() == before
    assert served.ivr("case", "show", "C-1", "--json").stdout.count("null") == 1  # it is open


def test_who_may_not_is_refused_and_changes_nothing(served: Served) -> None:
    call = served.house.call(1, team="benefits")
    served.ivr("case", "open", "C-1", "--kind", "complaint")
    served.person = MANAGER  # of housing
    assert served.ivr("case", "add", "C-1", call).exit_code == 8
    assert served.last == ("case-change", "manager", "refused", call, "C-1")
    assert served.ivr("case", "close", "C-1").exit_code == 8
    served.person = AUDITOR
    for words in (("ls",), ("show", "C-1"), ("open", "C-2", "--kind", "complaint")):
        assert served.ivr("case", *words).exit_code == 8
        assert served.last[1:3] == ("auditor", "refused")
    assert served.house.office.keeping.show(OFFICER, "C-1").calls == ()
