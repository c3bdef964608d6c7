"""Every mistake is named with its place, what was expected, and the nearest right word (R20)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.config.load import check, load
from ivr.config.mistakes import Mistake
from ivr.errors import ConfigError
from tests.config.conftest import GOOD, tone


@dataclass(frozen=True)
class Case:
    """One change to the right configuration, and what is printed of it."""

    title: str
    file: str
    old: str
    new: str
    printed: list[str]


def _case(text: str) -> Case:
    title, file, *lines = text.strip("\n").split("\n")
    parts = {sign: [ln[1:] for ln in lines if ln.startswith(sign)] for sign in "-+="}
    return Case(title, file, "\n".join(parts["-"]), "\n".join(parts["+"]), parts["="])


TABLE = (Path(__file__).parent / "mistakes.txt").read_text(encoding="utf-8")
CASES = [_case(text) for text in TABLE.split("\n\n# ")[1:]]


def printed(site_file: Path) -> list[str]:
    """What ``ivr check`` prints."""
    return [str(mistake) for mistake in check(site_file.relative_to(Path.cwd()))]


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_each_mistake_is_printed_word_for_word(site_file: Path, case: Case) -> None:
    old = GOOD[case.file]
    assert case.old in old
    Path(case.file).write_text(old.replace(case.old, case.new, 1), encoding="utf-8")
    assert case.printed
    assert printed(site_file) == case.printed


def test_the_table_is_large_and_each_title_is_there_once() -> None:
    titles = [case.title for case in CASES]
    assert len(set(titles)) == len(titles) >= 100


def test_the_right_configuration_has_no_mistake(site_file: Path) -> None:
    assert printed(site_file) == []


def test_load_raises_all_mistakes_as_one_error(site_file: Path) -> None:
    Path("dialplan/policy.yaml").write_text(
        GOOD["dialplan/policy.yaml"].replace('"45s"', "45").replace("reminders: 2", "reminders: x")
    )
    Path("dialplan/teams/council-tax.yaml").write_text("name: yes\n")
    with pytest.raises(ConfigError) as caught:
        load(site_file)
    assert str(caught.value).split("\n") == printed(site_file)
    assert [line.split(": ")[0] for line in printed(site_file)] == [
        "dialplan/policy.yaml:11:16",
        "dialplan/policy.yaml:12:9",
        "dialplan/teams/council-tax.yaml:1:7",
    ]


def test_mistakes_sort_by_file_line_and_column_as_numbers() -> None:
    mistakes = [Mistake("b", 1, 1, ""), Mistake("a", 10, 1, ""), Mistake("a", 9, 12, "")]
    mistakes.append(Mistake("a", 9, 2, ""))
    assert [(m.path, m.line, m.column) for m in sorted(mistakes)] == [
        ("a", 9, 2),
        ("a", 9, 12),
        ("a", 10, 1),
        ("b", 1, 1),
    ]


NO_TEXT = "cannot stand in YAML, expected printable text"
BYTES = {
    "Latin-1": (
        b"Caf\xe9",
        "dialplan/policy.yaml:3:13: byte 0xe9 is not UTF-8, expected the file saved as UTF-8",
    ),
    "control character": (
        b"A\x07",
        f"dialplan/policy.yaml:3:11: character '\\x07' {NO_TEXT}",
    ),
    "NUL": (
        b"A\x00",
        f"dialplan/policy.yaml:3:11: character '\\x00' {NO_TEXT}",
    ),
    "lone surrogate": (
        b'"\\ud800"',
        "dialplan/policy.yaml:3:10: character '\\ud800' in a text, expected printable text",
    ),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_text(site_file: Path, name: str) -> None:
    data, line = BYTES[name]
    text = GOOD["dialplan/policy.yaml"].encode()
    Path("dialplan/policy.yaml").write_bytes(text.replace(b"Assistant Director", data))
    assert printed(site_file) == [line]


def test_utf8_with_a_byte_order_mark_is_read(site_file: Path) -> None:
    Path("dialplan/policy.yaml").write_bytes(
        b"\xef\xbb\xbf" + GOOD["dialplan/policy.yaml"].encode()
    )
    assert printed(site_file) == []


def test_files_that_are_missing(site_file: Path) -> None:
    Path("dialplan/policy.yaml").unlink()
    Path("dialplan/routes.yaml").unlink()
    Path("dialplan/routes.yaml").mkdir()
    assert printed(site_file) == [
        "dialplan/policy.yaml:1:1: the file is missing, expected it here",
        "dialplan/routes.yaml:1:1: this is not a file, expected a file",
    ]


def test_a_site_file_that_is_missing_is_the_only_mistake(site_file: Path) -> None:
    site_file.unlink()
    assert printed(site_file) == ["deploy/ivr.yaml:1:1: the file is missing, expected it here"]


def test_a_pipe_does_not_block(site_file: Path) -> None:
    Path("dialplan/policy.yaml").unlink()
    os.mkfifo("dialplan/policy.yaml")
    assert printed(site_file) == ["dialplan/policy.yaml:1:1: this is not a file, expected a file"]


def test_a_file_of_a_megabyte_is_refused(site_file: Path) -> None:
    Path("dialplan/policy.yaml").write_bytes(b"#" * 1_048_577)
    assert printed(site_file) == [
        "dialplan/policy.yaml:1:1: the file has 1048577 bytes, expected at most 1048576"
    ]


def test_yml_would_be_overlooked(site_file: Path) -> None:
    Path("dialplan/teams/planning.yml").write_text("name: Planning\n")
    assert printed(site_file) == [
        "deploy/ivr.yaml:1:1: dialplan/teams/planning.yml would be overlooked, expected a name "
        'that ends in .yaml, did you mean "planning.yaml"?'
    ]


def test_yml_beside_the_files_that_are_read_would_be_overlooked(site_file: Path) -> None:
    Path("dialplan/routes.yml").write_text(GOOD["dialplan/routes.yaml"])
    assert printed(site_file) == [
        "deploy/ivr.yaml:1:1: dialplan/routes.yml would be overlooked, expected one of "
        '"policy.yaml", "destinations.yaml", "routes.yaml", or a team in teams/, did you mean '
        '"routes.yaml"?'
    ]


def test_a_file_that_nobody_reads_is_named_where_its_right_name_is_missing(
    site_file: Path,
) -> None:
    Path("dialplan/policy.yaml").rename("dialplan/polcy.yaml")
    Path("dialplan/planning.yaml").write_text("name: Planning\n")
    for name in ("notes.txt", "routes.yaml~", ".routes.yaml.swp", ".hidden.yaml"):
        Path("dialplan", name).write_text("x")
    among = 'expected one of "policy.yaml", "destinations.yaml", "routes.yaml", or a team in teams/'
    assert printed(site_file) == [
        f"deploy/ivr.yaml:1:1: dialplan/planning.yaml would be overlooked, {among}",
        f"deploy/ivr.yaml:1:1: dialplan/polcy.yaml would be overlooked, {among}, did you mean "
        '"policy.yaml"?',
        "dialplan/policy.yaml:1:1: the file is missing, expected it here",
    ]


def test_a_team_file_with_a_name_that_cannot_be_a_team(site_file: Path) -> None:
    Path("dialplan/teams/Council Planning.yaml").write_text("name: Planning\n")
    assert printed(site_file) == [
        'dialplan/teams/Council Planning.yaml:1:1: "Council Planning.yaml" is a team\'s name, '
        "expected a name of a-z, 0-9 and - (at most 64) and .yaml, did you mean "
        '"council-planning"?'
    ]


def test_no_team_at_all(site_file: Path) -> None:
    for file in Path("dialplan/teams").iterdir():
        file.unlink()
    assert printed(site_file) == [
        'dialplan/routes.yaml:3:9: "team" is "customer-services", expected one, but there are none',
        'dialplan/routes.yaml:7:9: "team" is "council-tax", expected one, but there are none',
    ]


def test_a_folder_with_a_space_is_refused_for_recordings(site_file: Path) -> None:
    site_file.write_text(GOOD["deploy/ivr.yaml"].replace("../var/spool", "../my spool"))
    assert printed(site_file) == [
        f'deploy/ivr.yaml:8:8: folder "{Path.cwd()}/my spool" has " " in it, which FreeSWITCH '
        "misreads, expected letters, digits and . _ + @ = , ~ -"
    ]


def test_a_fallback_with_a_space_is_refused_for_recordings(site_file: Path) -> None:
    site_file.write_text(GOOD["deploy/ivr.yaml"] + "fallback: ../second disk\n")
    assert printed(site_file) == [
        f'deploy/ivr.yaml:13:11: folder "{Path.cwd()}/second disk" has " " in it, which '
        "FreeSWITCH misreads, expected letters, digits and . _ + @ = , ~ -"
    ]


def test_a_fallback_that_leads_to_the_spool(site_file: Path) -> None:
    Path("var/spool").mkdir(parents=True)
    Path("elsewhere").symlink_to("var/spool")
    site_file.write_text(GOOD["deploy/ivr.yaml"] + "fallback: ../elsewhere\n")
    assert printed(site_file) == [
        'deploy/ivr.yaml:13:11: "fallback" "../elsewhere" is the spool too, expected a folder of '
        "its own, best on another file system"
    ]


def test_password_files(site_file: Path) -> None:
    site_file.write_text(
        GOOD["deploy/ivr.yaml"].replace('password: "ClueCon"', "password_file: secret")
    )
    secret = site_file.parent / "secret"
    assert printed(site_file) == [
        "deploy/ivr.yaml:7:18: deploy/secret: the file is missing, expected it here"
    ]
    secret.write_bytes(b"two\nlines\n")
    assert printed(site_file) == [
        "deploy/ivr.yaml:7:18: deploy/secret holds no password, expected one line of text"
    ]
    secret.write_bytes(b"\xff\n")
    assert printed(site_file) == [
        "deploy/ivr.yaml:7:18: deploy/secret is not UTF-8, expected a password in UTF-8"
    ]
    secret.write_bytes(b"S3cret pass\n")
    assert load(site_file).site.freeswitch.password == "S3cret pass"


def test_a_return_key_that_is_in_the_sequence_of_the_defaults(site_file: Path) -> None:
    """The team changes only one of the two; the other comes from policy.yaml."""
    Path("dialplan/teams/customer-services.yaml").write_text(
        'name: Customer Services\nopt_out: {return_key: "#"}\n'
    )
    assert printed(site_file) == [
        'dialplan/teams/customer-services.yaml:2:23: the return key "#" is part of the opt-out '
        'keys "*#*", expected a key that is not'
    ]


def test_every_file_reports_its_mistakes_at_once(site_file: Path) -> None:
    for name in GOOD:
        Path(name).write_text(GOOD[name] + "surprise: 010\n")
    places = {line.split(":")[0] for line in printed(site_file)}
    assert places == set(GOOD)


def test_paths_outside_the_working_folder_are_whole(
    site_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("dialplan/policy.yaml").unlink()
    monkeypatch.chdir("deploy")
    [mistake] = check(site_file)
    assert mistake.path == str(site_file.parent.parent / "dialplan/policy.yaml")


def test_a_tone_for_each_rate_is_needed_where_there_is_a_folder_for_it(site_file: Path) -> None:
    Path("prompts/en-GB/16000/busy.wav").unlink()
    tone(Path("prompts/en-GB/16000/bussy.wav"), 16000)
    assert printed(site_file) == [
        "prompts/en-GB.yaml:8:3: prompts/en-GB/16000/busy.wav is missing, expected it here, did "
        'you mean "bussy"?'
    ]
