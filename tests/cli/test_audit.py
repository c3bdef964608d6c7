"""``ivr audit``: who did what, and whether that is all of it (R17)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.retention.audit.keys import load_private, load_public
from tests.retained import Served, ivr, serving
from tests.retention.house import AUDITOR, DPO, OFFICER


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr("ivr.logs.set_up", lambda *_: None)
    with serving(tmp_path, monkeypatch) as served:
        served.house.call(1)
        served.house.office.looking.show(DPO, served.house.call(2))
        served.house.office.keeping.open(OFFICER, "C-1", "complaint")
        served.person = AUDITOR
        yield served


def trail_of(served: Served) -> Path:
    return served.house.folder / "var/retention/audit"


def change(served: Served) -> None:
    """What a hand may do to the trail: somebody else has looked."""
    [log] = trail_of(served).glob("*.log")
    text = log.read_text()
    assert '"dpo"' in text
    log.write_text(text.replace('"dpo"', '"dpx"'))


@pytest.fixture
def as_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not look into the trail's folder; root always may."""
    monkeypatch.setattr("ivr.cli.audit._readable", lambda _site: False)


# verify


def test_verify_beside_the_trail(served: Served) -> None:
    before = served.house.audit()
    result = served.ivr("audit", "verify")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"well: {len(before)} entries, 0 check-points")
    assert json.loads(served.ivr("audit", "verify", "--json").stdout)["faults"] == []
    assert served.house.audit() == before


def test_verify_by_the_service(served: Served, as_a_person: None) -> None:
    result = served.ivr("audit", "verify")
    assert (result.exit_code, result.stdout[:6]) == (0, "well: ")
    assert served.last == ("audit-verify", "auditor", "done", "", "")
    change(served)
    changed = served.ivr("audit", "verify")
    assert changed.exit_code == 6
    assert "000001.log:" in changed.stdout
    assert served.ivr("audit", "verify", "--key", "x").exit_code == 2
    served.person = OFFICER
    assert served.ivr("audit", "verify").exit_code == 8


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_a_change_is_found_and_located(served: Served, json_: tuple[str, ...]) -> None:
    change(served)
    result = served.ivr("audit", "verify", *json_)
    assert result.exit_code == 6
    faults = json.loads(result.stdout)["faults"] if json_ else result.stdout.splitlines()
    assert any("000001.log:3" in fault and "changed" in fault for fault in faults)
    assert "the audit trail has" in result.stderr


def test_a_copy_is_checked_anywhere_with_the_public_key(served: Served, tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    site = served.house.site
    made = served.ivr("audit", "key", key)
    assert re.fullmatch(rf"{key}\.pub  fingerprint \(SHA-256\) [0-9a-f]{{64}}\n", made.stdout)
    site.write_text(f"{site.read_text()}\ncheckpoints: {{key: {key}, copies: {tmp_path}/kept}}\n")
    (tmp_path / "kept").mkdir()
    served.restart()
    served.house.sweep()
    served.house.office.keeping.open(OFFICER, "C-2", "complaint")
    copy = tmp_path / "copy"
    shutil.copytree(trail_of(served), copy)
    words = ("audit", "verify", "--folder", copy, "--key", f"{key}.pub")
    result = served.ivr(*words)
    assert result.exit_code == 0, result.output
    assert ", 1 check-point;" in result.stdout
    own = served.ivr("audit", "verify")
    assert ", 1 check-point;" in own.stdout

    # Everything after the first entry is cut away, with its check-points: the copy of them knows.
    [log] = copy.glob("*.log")
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    (copy / "checkpoints").unlink()
    assert served.ivr(*words).exit_code == 0
    cut = served.ivr(*words, "--copy", tmp_path / "kept/checkpoints")
    assert cut.exit_code == 6
    assert "truncated" in cut.stdout


def test_a_folder_that_is_not_there(served: Served, tmp_path: Path) -> None:
    assert served.ivr("audit", "verify", "--folder", tmp_path / "no").exit_code == 2


# show


def test_show_the_last_entries(served: Served) -> None:
    lines = served.ivr("audit", "show", "--last", 3).stdout.splitlines()
    assert [line.split("  ")[2:5] for line in lines] == [
        ["dpo", "show", "granted"],
        ["officer", "case-open", "done"],
        ["auditor", "audit-show", "granted"],
    ]


def test_show_what_fits(served: Served) -> None:
    [call] = [call for action, *_, call, _case in served.house.audit() if action == "show"]

    def shown(*words: str) -> list[tuple[str, str]]:
        found = served.ivr("audit", "show", "--json", *words)
        told = [json.loads(line) for line in found.stdout.splitlines()]
        return [(one["action"], one["who"]) for one in told]

    assert shown("--call", call) == [("take-in", "retention"), ("show", "dpo")]
    assert shown("--case", "C-1") == [("case-open", "officer")]
    assert shown("--who", "dpo") == [("show", "dpo")]
    assert len(shown("--action", "take-in", "--action", "show")) == 3
    assert shown("--since", "2026-06-01") == []
    assert len(shown("--since", "2026-05-31", "--until", "2026-05-31")) > 3
    assert shown("--until", "2026-05-30") == []
    nothing = served.ivr("audit", "show", "--who", "nobody")
    assert (nothing.stdout, nothing.stderr) == ("", "no entries\n")


def test_show_of_the_beginning_of_a_call(served: Served) -> None:
    """Else it would say that nobody ever heard that recording."""
    result = served.ivr("audit", "show", "--call", "00000001")
    assert result.exit_code == 2
    assert "no whole id" in result.stderr


def test_show_refused(served: Served) -> None:
    served.person = OFFICER
    assert served.ivr("audit", "show").exit_code == 8
    assert served.last == ("audit-show", "officer", "refused", "", "")


# key


def test_a_key_is_made_once(tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    site = tmp_path / "none.yaml"
    assert ivr("audit", "key", key, site=site).exit_code == 0
    assert load_private(key).public_key() == load_public(tmp_path / "audit.key.pub")
    before = key.read_bytes()
    again = ivr("audit", "key", key, site=site)
    assert again.exit_code == 2
    assert key.read_bytes() == before
