"""``ivr spool``: what a person is shown of a spool, and what it ends with."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import pytest

from ivr.storage.atomic import REAL
from ivr.storage.filing import Filing, Maker, file_batch
from ivr.storage.places import Places, prepare
from tests.cli.test_root import edit, ivr, site_file  # noqa: F401 # a fixture
from tests.storage.parts import CALL, OTHER, call_id, unconnected_call, wav, whole_call


@pytest.fixture
def spool(tmp_path: Path) -> Places:
    """A spool that no site's file names: CALL with a recording, OTHER without."""
    (tmp_path / "lies here").mkdir()
    places = prepare(tmp_path / "lies here", 0)
    Path(places.recorded(CALL)).write_bytes(wav(800))
    filings = [Filing(OTHER, unconnected_call()), Filing(CALL, whole_call())]
    file_batch(REAL, places, Maker("h", "0.1.0", UTC), filings)
    return places


def test_a_spool_is_listed_without_any_site(spool, monkeypatch):
    monkeypatch.chdir(spool.root.parent)
    for where in (spool.root, spool.root.name):
        result = ivr("spool", "ls", "--spool", where)
        assert result.exit_code == 0
        assert [line[:36] for line in result.output.splitlines()] == [OTHER, CALL]


def test_the_sites_spool_is_listed_without_the_option(site_file, spool):  # noqa: F811 # the fixture
    edit(site_file, "spool: ../spool", "spool: ../there")
    spool.root.rename(spool.root.parent / "there")
    result = ivr("spool", "ls", "--site", site_file)
    assert result.exit_code == 0
    assert CALL in result.output


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_ls_with_a_damaged_record_lists_all_and_ends_with_6(spool, more):
    Path(spool.record(call_id(9))).write_text("{")
    result = ivr("spool", "ls", "--spool", spool.root, *more)
    assert result.exit_code == 6
    assert len(result.stdout.splitlines()) == 3
    assert "not a record of schema 4" in result.stdout.splitlines()[0]
    assert result.stderr == "1 of 3 records cannot be read\n"


@pytest.mark.parametrize("words", [("ls",), ("ls", "--json"), ("verify",)])
def test_an_empty_spool_says_so(tmp_path, words):
    prepare(tmp_path, 0)
    result = ivr("spool", *words, "--spool", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no records\n")


def test_no_spool_at_all(tmp_path):
    result = ivr("spool", "ls", "--spool", tmp_path / "none")
    assert result.exit_code == 6
    assert "none/new: cannot be read: No such file or directory" in result.output


def test_a_record_is_shown_as_the_file_has_it(spool):
    there = json.loads(Path(spool.record(CALL)).read_bytes())
    for word in (CALL, CALL[:8], CALL[:4]):
        result = ivr("spool", "show", word, "--spool", spool.root)
        assert result.exit_code == 0
        assert list(json.loads(result.output).items()) == list(there.items())
    assert '\n  "schema": 4,\n' in result.output


def test_one_record_is_verified(spool):
    result = ivr("spool", "verify", OTHER[:5], "--spool", spool.root)
    assert result.output == f"good      {OTHER}  no recording: not-connected\n"


@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_beginning_of_several_ids_names_them(spool, command):
    Path(spool.record(call_id(9))).write_text("{")
    result = ivr("spool", command, "0000", "--spool", spool.root)
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        "2 calls have an id that begins with 0000, expected one:",
        f"  {OTHER}",
        f"  {call_id(9)}",
    ]


@pytest.mark.parametrize("command", ["show", "verify"])
@pytest.mark.parametrize(("word", "code"), [("8f1", 2), ("../x", 2), ("beef", 6), (call_id(7), 6)])
def test_a_call_that_is_not_there(spool, command, word, code):
    result = ivr("spool", command, word, "--spool", spool.root)
    assert result.exit_code == code
    assert "'ivr spool ls' lists the calls that are there" in result.output
