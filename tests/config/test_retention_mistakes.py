"""Each mistake in what the retention layer is told is printed word for word (R20)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ivr.config.load import ConfigurationError
from ivr.config.retention import check_retention, load_retention
from tests.config.retained import GOOD, build
from tests.config.test_mistakes import Case, _case

TABLE = (Path(__file__).parent / "retention_mistakes.txt").read_text(encoding="utf-8")
CASES = [_case(text) for text in TABLE.split("\n\n# ")[1:]]
FILE = Path("deploy/retention.yaml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    build(tmp_path)


def printed() -> list[str]:
    return [str(mistake) for mistake in check_retention(FILE)]


def change(file: str, old: str, new: str) -> None:
    text = Path(file).read_text(encoding="utf-8")
    assert old in text
    Path(file).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_each_mistake_is_printed_word_for_word(case: Case) -> None:
    assert case.old in GOOD[case.file]
    change(case.file, case.old, case.new)
    assert case.printed
    assert printed() == case.printed


def test_the_table_is_large_and_each_title_is_there_once() -> None:
    titles = [case.title for case in CASES]
    assert len(set(titles)) == len(titles) >= 80


def test_the_right_configuration_has_no_mistake() -> None:
    assert printed() == []


def test_all_mistakes_of_all_files_are_one_error() -> None:
    change("deploy/retention.yaml", "format: flac", "format: flak")
    change("deploy/schedule.yaml", '"6 months"', '"6m"')
    change("deploy/access.yaml", "roles: [manager]", "roles: [mangler]")
    with pytest.raises(ConfigurationError) as caught:
        load_retention(FILE)
    assert str(caught.value).split("\n") == printed()
    assert [line.split(": ")[0] for line in printed()] == [
        "deploy/access.yaml:18:38",
        "deploy/retention.yaml:5:9",
        "deploy/schedule.yaml:5:30",
    ]


def test_the_schedule_and_access_are_read_where_the_first_file_has_mistakes() -> None:
    change("deploy/retention.yaml", "time_zone: Europe/London", "zone: Europe/London")
    change("deploy/access.yaml", "cases: [disciplinary]", "cases: [gossip]")
    assert [line.split(":")[0] for line in printed()] == [
        "deploy/access.yaml",
        "deploy/retention.yaml",
    ]


def test_a_schedule_that_is_no_yaml_makes_no_kind_of_case_unknown() -> None:
    Path("deploy/schedule.yaml").write_text("rules: [\n", encoding="utf-8")
    assert [line.split(":")[0] for line in printed()] == ["deploy/schedule.yaml"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "deploy/mail.password holds no password, expected one line of text"),
        (b"one\ntwo\n", "deploy/mail.password holds no password, expected one line of text"),
        (b"\xff\n", "deploy/mail.password is not UTF-8, expected a password in UTF-8"),
        (b"x" * 5000, "deploy/mail.password: the file has 5000 bytes, expected at most 4096"),
    ],
)
def test_a_file_of_a_password_holds_one_line(content: bytes, fault: str) -> None:
    Path("deploy/mail.password").write_bytes(content)
    assert printed() == [f"deploy/retention.yaml:18:18: {fault}"]


def test_a_pipe_in_place_of_a_password_is_not_read() -> None:
    Path("deploy/mail.password").unlink()
    os.mkfifo("deploy/mail.password", 0o600)
    assert printed() == [
        "deploy/retention.yaml:18:18: deploy/mail.password: this is not a file, expected a file"
    ]


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("mail.password", "18:18"),
        ("index.key", "8:14"),
        ("identity.txt", "9:13"),
        ("audit.key", "27:8"),
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o642])
def test_what_is_secret_is_closed_to_others(file: str, place: str, mode: int) -> None:
    os.chmod(f"deploy/{file}", mode)
    assert printed() == [
        f"deploy/retention.yaml:{place}: deploy/{file} is open to others (mode {mode:04o}),"
        f" expected 0640 or less: chmod u=rw,g=r,o= deploy/{file}"
    ]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o440])
def test_what_is_secret_may_be_read_by_its_group(mode: int) -> None:
    os.chmod("deploy/mail.password", mode)
    assert printed() == []


@pytest.mark.parametrize("file", ["retention.yaml", "schedule.yaml", "access.yaml"])
def test_nobody_else_may_change_who_may_what(file: str) -> None:
    os.chmod(f"deploy/{file}", 0o646)
    assert printed() == [
        f"deploy/{file}:1:1: everybody on this host may write the file (mode 0646), expected 0644"
        f" or less: chmod o-w deploy/{file}"
    ]


@pytest.mark.parametrize("file", ["audit.key", "identity.txt"])
def test_keys_that_are_made_or_brought_later_need_not_be_there(file: str) -> None:
    Path("deploy", file).unlink()
    assert printed() == []


def test_a_secret_key_or_a_password_that_stands_in_the_file_is_not_printed() -> None:
    secret = "AGE-SECRET-KEY-1" + "Q" * 58
    change("deploy/retention.yaml", "age1q4", f"{secret}age1q4")
    change("deploy/retention.yaml", "sqlite:///../var/index.sqlite", "mysql://u:hunter2@h/d")
    lines = printed()
    assert [line.split(": ")[0] for line in lines] == [
        "deploy/retention.yaml:7:16",
        "deploy/retention.yaml:10:8",
    ]
    assert "QQQ" not in "\n".join(lines)
    assert "hunter2" not in "\n".join(lines)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_mail_in_the_clear_goes_to_this_host(host: str) -> None:
    change("deploy/retention.yaml", "host: mail.council.example", f'host: "{host}"')
    change("deploy/retention.yaml", "security: starttls", "security: none")
    assert printed() == []


@pytest.mark.parametrize(
    ("index", "here"),
    [
        ("postgresql://ivr@db.council.example/ivr", False),
        ("postgresql://ivr@10.0.0.7:5432/ivr", False),
        ("postgresql:///ivr?host=db.council.example", False),
        ("postgresql:///ivr", True),
        ("postgresql:///ivr?host=/run/postgresql", True),
        ("postgresql://ivr@127.0.0.1/ivr", True),
        ("postgresql://ivr@[::1]/ivr", True),
        ("sqlite:////srv/index.sqlite", True),
    ],
)
def test_numbers_in_the_clear_are_not_kept_beside_a_sealed_archive(index: str, here: bool) -> None:
    change("deploy/retention.yaml", "sqlite:///../var/index.sqlite", index)
    assert printed() == []
    change("deploy/retention.yaml", "  index_key: index.key\n", "")
    assert ["numbers in the clear" in line for line in printed()] == ([True] if here else [])


def test_folders_that_are_one_by_a_link_are_one() -> None:
    Path("var/spool").mkdir(parents=True)
    Path("var/archive").symlink_to("spool")
    assert printed() == [
        "deploy/retention.yaml:4:10: var/archive is the spool var/spool too, expected a folder"
        " outside it, without it"
    ]
