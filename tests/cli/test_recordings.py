"""``ivr search``, ``show``, ``listen``, ``hold``, ``release``: what they say, and to whom (R16)."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.retention.model import Person
from tests.retained import Served, ivr, serving
from tests.retention.house import ENGINEER, MANAGER, NUMBER, OFFICER, PEOPLE_MANAGER, STRANGER
from tests.retention.intake.records import sound

OTHER_NUMBER = "07700900123"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(tmp_path, monkeypatch) as served:
        yield served


# search


def test_search_finds_by_number_and_by_its_last_digits(served: Served) -> None:
    one = served.house.call(1, ended="2026-05-01 10:00")
    served.house.call(2, caller=OTHER_NUMBER)
    for words in (
        ("--number", "+44 1277 312500"),
        ("--number", NUMBER),
        ("--number", "2500"),
        ("--number", "312500"),
        ("--number", "12500", "--to", "2026-05-01"),
    ):
        found = served.ivr("search", *words)
        assert found.exit_code == 0, found.output
        assert [line.split("  ")[0] for line in found.stdout.splitlines()] == [one]
        assert NUMBER not in found.output


def test_a_number_that_no_list_of_processes_shows(served: Served) -> None:
    one = served.house.call(1)
    served.house.call(2, caller=OTHER_NUMBER)
    words = ["search", "--site", str(served.house.site), "--number", "-"]
    found = CliRunner().invoke(main, words, input=f"{NUMBER}\n")
    assert [line.split("  ")[0] for line in found.stdout.splitlines()] == [one]


def test_last_digits_may_begin_with_a_nought(served: Served) -> None:
    one = served.house.call(1, caller="07700900123")
    assert served.ivr("search", "--number", "0123").stdout == ""
    assert served.ivr("search", "--number", "0123", "--last").stdout.startswith(one)
    assert served.ivr("search", "--last").exit_code == 2


def test_search_by_everything_else(served: Served) -> None:
    legs = [{"id": "x", "number": "1001", "at": "2026-05-01T10:00:00.000+01:00"}]
    one = served.house.call(
        1, team="housing", marks=("abuse",), ended="2026-05-01 10:00", legs=legs
    )
    two = served.house.call(2, team="benefits")
    served.house.office.keeping.open(OFFICER, "C-1", "complaint")
    served.house.office.keeping.add(OFFICER, "C-1", [two])

    def calls(*words: str) -> list[str]:
        found = served.ivr("search", *words, "--json")
        assert found.exit_code == 0, found.output
        return [json.loads(line)["recording"]["call"] for line in found.stdout.splitlines()]

    assert calls() == [two, one]
    assert calls("--most", "1") == [two]
    assert calls("--team", "housing") == [one]
    assert calls("--mark", "abuse") == [one]
    assert calls("--case", "C-1") == [two]
    assert calls("--from", "2026-05-02") == [two]
    assert calls("--from", "2026-05-01", "--to", "2026-05-30") == [one]
    assert calls("--agent", "1001") == [one]
    assert calls("--agent", "9999") == []


def test_a_line_of_search_says_until_when_it_is_kept(served: Served) -> None:
    served.house.call(1, ended="2026-05-01 10:00", team="housing", marks=("abuse",))
    served.house.call(2, ended="2026-05-02 10:00", team="housing")
    later, earlier = served.ivr("search").stdout.splitlines()
    assert "  2026-05-02 10:00  housing/" in later
    assert later.endswith("  until 2026-11-02 (recordings)")
    assert earlier.endswith("  abuse  held: abuse hold-1 is open")


def test_what_is_not_found_is_said_apart(served: Served) -> None:
    found = served.ivr("search", "--team", "nowhere")
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", "no recordings\n")


def test_more_than_were_asked_for(served: Served) -> None:
    served.house.call(1)
    served.house.call(2)
    assert "there may be more" in served.ivr("search", "--most", 1).stderr
    assert "there may be more" not in served.ivr("search", "--most", 3).stderr


@pytest.mark.parametrize("day", ["29.3.2026", "20260329", "2026-02-30", "soon", "", "2026-W13-7"])
def test_a_day_that_is_none(served: Served, day: str) -> None:
    result = served.ivr("search", "--from", day)
    assert result.exit_code == 2
    assert "--from" in result.stderr
    assert "2026-03-29" in result.stderr


def test_days_in_words_are_days_of_the_site(served: Served) -> None:
    # The service's clock stands in 2026; the word is of the host's clock.
    for word in ("today", "Yesterday"):
        assert served.ivr("search", "--to", word, "--from", "1990-01-01").exit_code == 0


def test_a_manager_sees_their_own_teams_only(served: Served) -> None:
    mine = served.house.call(1, team="housing")
    other = served.house.call(2, team="benefits")
    served.person = MANAGER
    assert [line.split("  ")[0] for line in served.ivr("search").stdout.splitlines()] == [mine]
    refused = served.ivr("show", other)
    assert refused.exit_code == 8
    assert "team" in refused.stderr
    assert served.last == ("show", "manager", "refused", other, "")


# show


def test_show_is_a_page_with_the_number_whole(served: Served) -> None:
    call = served.house.call(1, ended="2026-05-01 10:00", caller_name="Mrs X", marks=("abuse",))
    page = served.ivr("show", call[:8])
    assert page.exit_code == 0, page.output
    assert page.stdout.splitlines()[0] == call
    assert f"{NUMBER} (Mrs X)" in page.stdout
    assert "2026-05-01 10:00 (Europe/London)" in page.stdout
    assert "hold-1 (abuse), placed 2026-05-31 12:00 by engine" in page.stdout
    assert "not destroyed: abuse hold-1 is open" in page.stdout
    assert served.last == ("show", "dpo", "granted", call, "")


def test_show_says_when_it_is_destroyed_and_by_which_rule(served: Served) -> None:
    call = served.house.call(1, ended="2026-05-01 10:00")
    words = " ".join(served.ivr("show", call).stdout.split())
    assert "to be destroyed on 2026-11-01: 6 months after the call (rule recordings)" in words
    assert "pauses none marks none cases none holds none" in words
    served.house.turn(days=184)
    assert "due since 2026-11-01" in served.ivr("show", call).stdout


def test_show_json_has_the_record_as_it_is(served: Served) -> None:
    call = served.house.call(1)
    told = json.loads(served.ivr("show", call, "--json").stdout)
    assert told["record"]["caller"] == NUMBER
    assert told["recording"]["call"] == call
    assert told["disposition"]["rule"] == "recordings"


def test_what_a_stranger_sent_cannot_move_the_cursor(served: Served) -> None:
    call = served.house.call(1, caller_name="\x1b[2J\r\nevil", team="housing")
    page = served.ivr("show", call).stdout
    assert "\\x1b[2J\\r\\nevil" in page
    assert "\x1b" not in page
    assert "\x1b" not in served.ivr("show", call, "--json").stdout


def test_an_id_that_fits_none(served: Served) -> None:
    served.house.call(1)
    assert served.ivr("show", "ffff").exit_code == 2
    wrong = served.ivr("show", "\x1b[31m")
    assert wrong.exit_code == 2
    assert "\x1b" not in wrong.stderr


def test_only_with_the_case_that_names_it(served: Served) -> None:
    call = served.house.call(1)
    served.house.office.keeping.open(OFFICER, "D-1", "disciplinary")
    served.person = PEOPLE_MANAGER
    assert served.ivr("show", call, "--case", "D-1").exit_code == 8
    served.house.office.keeping.add(OFFICER, "D-1", [call])
    assert served.ivr("show", call, "--case", "D-1").exit_code == 0
    assert served.last == ("show", "people", "granted", call, "D-1")


@pytest.mark.parametrize("words", [("search",), ("show", "{call}"), ("listen", "{call}")])
@pytest.mark.parametrize("person", [STRANGER, ENGINEER])
def test_a_refusal_says_why_and_is_in_the_trail(
    served: Served, words: tuple[str, ...], person: Person, tmp_path: Path
) -> None:
    call = served.house.call(1)
    served.person = person
    more = ("--output", tmp_path / "call.wav") if words[0] == "listen" else ()
    refused = served.ivr(*(word.format(call=call) for word in words), *more)
    assert (refused.exit_code, refused.stdout) == (8, "")
    assert f"{person.user} may not" in refused.stderr
    assert served.last[:3] == (words[0], person.user, "refused")
    assert not (tmp_path / "call.wav").exists()


# listen


def test_what_is_heard_is_what_was_recorded(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    target = tmp_path / "call.wav"
    heard = served.ivr("listen", call, "--output", target, "--reason", "C-1")
    assert (heard.exit_code, heard.stdout) == (0, "")
    assert target.read_bytes() == sound()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert served.last == ("listen", "dpo", "granted", call, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call.wav", "deploy", "var"]


def test_a_file_is_replaced_only_by_force(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    target = tmp_path / "call.wav"
    target.write_bytes(b"mine")
    refused = served.ivr("listen", call, "--output", target, "--reason", "x")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert target.read_bytes() == b"mine"
    assert served.last[0] == "take-in"  # it was not asked for
    forced = served.ivr("listen", call, "--output", target, "--reason", "x", "--force")
    assert forced.exit_code == 0
    assert target.read_bytes() == sound()


def test_a_folder_that_is_not_there(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    result = served.ivr("listen", call, "--output", tmp_path / "no/call.wav", "--reason", "x")
    assert result.exit_code == 3
    assert "cannot write" in result.stderr


def test_to_another_program(served: Served) -> None:
    call = served.house.call(1)
    heard = served.started("listen", call, "--output", "-", "--reason", "x")
    assert heard.returncode == 0, heard.stderr
    assert hashlib.sha256(heard.stdout).digest() == hashlib.sha256(sound()).digest()


def test_a_player_gets_the_sound_and_nothing_is_left(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    player = tmp_path / "player"
    player.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/words\ncat "$2" > {tmp_path}/heard\n')
    player.chmod(0o755)
    heard = served.ivr("listen", call, "--player", f"{player} 'not loud'", "--reason", "x")
    assert heard.exit_code == 0, heard.output
    assert (tmp_path / "heard").read_bytes() == sound()
    assert (tmp_path / "words").read_text() == "not loud\n"


def test_a_player_that_fails(served: Served) -> None:
    call = served.house.call(1)
    result = served.ivr("listen", call, "--player", "false", "--reason", "x")
    assert result.exit_code == 3
    assert "--output" in result.stderr


@pytest.mark.parametrize("player", ["no-such-player", "", "'"])
def test_a_player_that_is_none(served: Served, player: str) -> None:
    call = served.house.call(1)
    assert served.ivr("listen", call, "--player", player, "--reason", "x").exit_code in (2, 3)
    assert served.last[0] == "take-in"


def test_without_any_player(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    call = served.house.call(1)
    monkeypatch.setenv("PATH", "/nowhere")
    result = served.ivr("listen", call, "--reason", "x")
    assert result.exit_code == 3
    assert "ffplay" in result.stderr
    assert served.last[0] == "take-in"


def test_a_part_that_there_is_not(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    target = tmp_path / "x.wav"
    result = served.ivr("listen", call, "--part", 2, "--output", target, "--reason", "x")
    assert result.exit_code == 2
    assert not target.exists()


def test_without_the_reason_that_the_role_asks_for(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    result = served.ivr("listen", call, "--output", tmp_path / "x.wav")
    assert result.exit_code == 8
    assert "reason" in result.stderr


@pytest.mark.parametrize("data", [b"", b"not a key", b"\xff\xfe", b"A" * 70_000])
def test_a_key_that_is_none(served: Served, tmp_path: Path, data: bytes) -> None:
    call = served.house.call(1)
    key = tmp_path / "key"
    key.write_bytes(data)
    result = served.ivr("show", call, "--identity", key)
    assert result.exit_code == 2
    assert str(key) in result.stderr


@pytest.fixture
def sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Served, pyrage.x25519.Identity]]:
    """An archive whose secret key is not on its host."""
    secret = pyrage.x25519.Identity.generate()
    key = tmp_path / "index.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    sealing = f'sealing:\n  recipients: ["{secret.to_public()}"]\n  index_key: {key}\n'
    (tmp_path / "house").mkdir()
    with serving(tmp_path / "house", monkeypatch, {"log:\n": f"{sealing}log:\n"}) as served:
        yield served, secret


def test_a_sealed_recording_opens_with_its_key_alone(
    sealed: tuple[Served, pyrage.x25519.Identity], tmp_path: Path
) -> None:
    served, secret = sealed
    call = served.house.call(1)
    identity, target = tmp_path / "identity.txt", tmp_path / "call.wav"
    identity.write_text(f"# created: now\n{secret}\n")
    page = served.ivr("show", call)
    assert page.exit_code == 0
    assert "--identity FILE" in page.stdout
    assert NUMBER not in page.stdout
    assert json.loads(served.ivr("show", call, "--json").stdout)["record"] is None
    assert NUMBER in served.ivr("show", call, "--identity", identity).stdout
    listen = ("listen", call, "--reason", "x", "--output", target)
    assert served.ivr(*listen).exit_code == 7
    assert not target.exists()
    assert served.ivr(*listen, "--identity", identity).exit_code == 0
    assert target.read_bytes() == sound()
    assert served.ivr("search", "--number", "312500").exit_code == 2
    assert served.ivr("search", "--number", "2500").stdout.startswith(call)


# hold, release


def test_a_hold_and_its_release(served: Served) -> None:
    call = served.house.call(1)
    held = served.ivr("hold", call[:8], "--kind", "legal-claim", "--reason", "a letter")
    assert held.exit_code == 0, held.output
    assert held.stdout.startswith(f"hold-1  {call}  legal-claim  placed 2026-05-31 12:00 by dpo")
    assert served.last == ("hold", "dpo", "done", call, "hold-1")
    assert "held: legal-claim hold-1 is open" in served.ivr("search").stdout
    released = served.ivr("release", "hold-1", "--reason", "settled", "--json")
    assert json.loads(released.stdout)["released"] == "2026-05-31"
    assert "until 2032-05-31 (legal-claims)" in served.ivr("search").stdout


def test_a_hold_of_no_kind_and_no_hold(served: Served) -> None:
    call = served.house.call(1)
    wrong = served.ivr("hold", call, "--kind", "complain", "--reason", "x")
    assert wrong.exit_code == 2
    assert 'did you mean "complaint"' in wrong.stderr
    assert served.ivr("release", "hold-9", "--reason", "x").exit_code == 2


# the service


def test_without_a_service(tmp_path: Path) -> None:
    site = tmp_path / "retention.yaml"
    site.write_text("state: var\n")
    result = ivr("search", site=site)
    assert result.exit_code == 3
    assert "no retention service is there" in result.stderr


def test_without_the_file(tmp_path: Path) -> None:
    result = ivr("search", site=tmp_path / "no.yaml")
    assert result.exit_code == 1
    assert "no.yaml" in result.stderr
