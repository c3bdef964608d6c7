"""What the retention layer is given: paths resolved, words made values (R12, R15, R20)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from ivr.cli import main
from ivr.config.addresses import Address
from ivr.config.load import ConfigurationError
from ivr.config.retention import load_retention
from ivr.config.retention_socket import socket_of
from ivr.config.settings import LogSettings
from ivr.config.settings_retention import (
    Checkpoints,
    MailSettings,
    RetentionSite,
    S3Place,
    Sealing,
)
from ivr.core.schedule import Period
from tests.config.retained import RECIPIENT, build

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return build(tmp_path)


def change(file: Path, old: str, new: str) -> RetentionSite:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return load_retention(file).site


def test_every_setting_arrives(file: Path, tmp_path: Path) -> None:
    deploy = tmp_path / "deploy"
    assert load_retention(file).site == RetentionSite(
        file=file,
        spools=(tmp_path / "var/spool", tmp_path / "var/spool-2"),
        archive=tmp_path / "var/archive",
        index=f"sqlite:///{tmp_path}/var/index.sqlite",
        state=tmp_path / "var/retention",
        socket=tmp_path / "run/socket",
        http=Address("127.0.0.1", 9185),
        zone=ZoneInfo("Europe/London"),
        format="flac",
        sealing=Sealing((RECIPIENT,), deploy / "index.key", deploy / "identity.txt"),
        mail=MailSettings(
            host="mail.council.example",
            port=587,
            security="starttls",
            user="recordings",
            password="secret of the mail",
            sender="recordings@council.example",
            timeout_s=30.0,
            largest=20_000_000,
            give_up_ms=86_400_000,
            ca_file=deploy / "ca.pem",
            templates=deploy / "mail",
            format="mp3",
        ),
        schedule=deploy / "schedule.yaml",
        access=deploy / "access.yaml",
        log=LogSettings("auto", "info", "masked"),
        checkpoints=Checkpoints(deploy / "audit.key", 500, tmp_path / "elsewhere"),
        aside_keep=Period(days=90),
    )


def test_what_nobody_says_lies_in_the_state(file: Path, tmp_path: Path) -> None:
    file.write_text("spools: [spool]\nstate: state\ntime_zone: Europe/London\n")
    site = load_retention(file).site
    state = tmp_path / "deploy/state"
    assert (site.archive, site.socket) == (state / "archive", state / "socket")
    assert site.index == f"sqlite:///{state}/index.sqlite"
    assert (site.sealing, site.mail, site.format) == (None, None, "flac")
    assert site.checkpoints == Checkpoints(None, 1000, None)
    assert site.aside_keep == Period(months=6)


def test_secrets_are_not_in_what_is_logged(file: Path) -> None:
    password = "secret: @/%?# 1"
    (file.parent / "index.password").write_text(f"{password}\n")
    text = file.read_text().replace(
        "sqlite:///../var/index.sqlite", "postgresql://ivr@db.example/i"
    )
    file.write_text(text)
    site = change(file, "socket: ../run/socket", "index_password_file: index.password")
    url = make_url(site.index)
    assert (url.drivername, url.host, url.database) == ("postgresql+psycopg", "db.example", "i")
    assert (url.username, url.password) == ("ivr", password)
    assert site.mail is not None
    assert site.mail.password == "secret of the mail"
    assert "secret of the mail" not in repr(site)
    assert "secret:" not in repr(site)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_of_mail_follows_from_its_security(file: Path, security: str, port: int) -> None:
    change(file, "mail.council.example", "localhost")
    site = change(file, "security: starttls", f"security: {security}")
    assert site.mail is not None
    assert site.mail.port == port


def test_mail_without_a_login(file: Path) -> None:
    site = change(file, "  user: recordings\n  password_file: mail.password\n", "")
    assert site.mail is not None
    assert (site.mail.user, site.mail.password) == ("", "")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://recordings", S3Place("recordings")),
        ("s3://recordings/", S3Place("recordings")),
        ("s3://recordings/contact/centre/", S3Place("recordings", "contact/centre")),
    ],
)
def test_object_storage(file: Path, text: str, place: S3Place) -> None:
    assert change(file, "archive: ../var/archive", f'archive: "{text}"').archive == place


def test_object_storage_elsewhere(file: Path, tmp_path: Path) -> None:
    site = change(
        file,
        "archive: ../var/archive",
        'archive: "s3://recordings/x"\n'
        "s3: {endpoint: 'https://s3.example:9000', region: r1, credentials: s3.credentials}",
    )
    assert site.archive == S3Place(
        "recordings", "x", "https://s3.example:9000", "r1", tmp_path / "deploy/s3.credentials"
    )


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:5000", "http://localhost:5000"])
def test_object_storage_in_the_clear_on_this_host(file: Path, endpoint: str) -> None:
    more = f'archive: "s3://recordings"\ns3: {{endpoint: "{endpoint}"}}'
    site = change(file, "archive: ../var/archive", more)
    assert site.archive == S3Place("recordings", endpoint=endpoint)


@pytest.mark.parametrize(("size", "well"), [(107, True), (108, False)])
def test_the_longest_path_of_a_socket(file: Path, size: int, well: bool) -> None:
    path = "/" + "s" * (size - 1)
    if well:
        assert change(file, "../run/socket", path).socket == Path(path)
    else:
        with pytest.raises(ConfigurationError, match="has 108 bytes, expected at most 107"):
            change(file, "../run/socket", path)


def test_people_find_the_socket_whatever_else_is_wrong(file: Path, tmp_path: Path) -> None:
    text = file.read_text().replace("format: flac", "format: flak")
    file.write_text(text)
    (tmp_path / "deploy/mail.password").unlink()
    (tmp_path / "deploy/access.yaml").unlink()
    assert socket_of(file) == tmp_path / "run/socket"
    file.write_text("spools: [\n")
    with pytest.raises(ConfigurationError):
        socket_of(file)


def test_the_socket_is_in_the_state_where_nobody_says(file: Path, tmp_path: Path) -> None:
    file.write_text("state: state\n")
    assert socket_of(file) == tmp_path / "deploy/state/socket"


def test_finding_the_socket_loads_little(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ivr.config.retention_socket import socket_of;"
        f"socket_of(Path({str(file)!r})); print([m for m in ('pydantic', 'sqlalchemy', 'pyrage')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_shipped_configuration_is_right() -> None:
    found = load_retention(ROOT / "deploy/retention.yaml")
    assert found.site.spools == (ROOT / "var/spool",)
    general = found.schedule.rule("", "any-team", "2.0")
    assert general is not None
    assert general.keep == Period(months=6)
    assert found.schedule.kinds == (
        "abuse",
        "complaint",
        "disciplinary",
        "legal-claim",
        "subject-access",
    )
    assert found.schedule.marks == {"abuse": "abuse"}
    assert found.access.people == {}
    assert found.tokens is None


def test_the_shipped_examples_are_right_when_they_are_put_in(tmp_path: Path) -> None:
    """What stands there behind ``#`` is what people will begin with."""
    deploy = build(tmp_path).parent
    for name in ("access.yaml", "schedule.yaml"):
        shipped = (ROOT / "deploy" / name).read_text(encoding="utf-8")
        (deploy / name).write_text(_uncommented(shipped), encoding="utf-8")
    found = load_retention(deploy / "retention.yaml")
    assert set(found.access.people) == {"manager.example", "token:desk-example"}
    assert found.access.people["manager.example"].teams == {"council-tax"}
    assert found.tokens == deploy / "retention-tokens.json"
    assert found.schedule.rule("", "council-tax", "2.0") != found.schedule.rule("", "x", "2.0")


def test_the_shipped_settings_are_right_when_they_are_put_in(tmp_path: Path) -> None:
    file = build(tmp_path)
    text = _uncommented((ROOT / "deploy/retention.yaml").read_text(encoding="utf-8"))
    text = text.replace("archive: /srv/recordings\n", "").replace("age1…", RECIPIENT)
    # Its secrets lie in /etc/ivr; here beside it.
    names = {"s3.credentials", "index.key", "index.password", "mail.password", "audit.key"}
    for name in names:
        assert f"/etc/ivr/{name}" in text
        text = text.replace(f"/etc/ivr/{name}", name)
    file.write_text(text, encoding="utf-8")
    site = load_retention(file).site
    assert isinstance(site.archive, S3Place)
    assert site.mail is not None
    assert site.sealing is not None
    assert site.socket == Path("/run/ivr-retention/socket")


def _uncommented(text: str) -> str:
    """With every setting that stands behind ``# `` in force; sentences stay what they are."""
    lines = []
    for line in text.splitlines():
        bare = line.lstrip()
        setting = bare.removeprefix("# ")
        first = setting.split(":")[0].strip()
        is_setting = bare.startswith("# ") and (
            setting.lstrip().startswith("- {") or (":" in setting and first in SETTINGS)
        )
        lines.append(line.replace("# ", "", 1) if is_setting else line)
    return "\n".join(lines) + "\n"


SETTINGS = {
    *("archive", "s3", "endpoint", "region", "credentials", "sealing", "recipients", "index_key"),
    *("identity", "index", "index_password_file", "socket", "mail", "host", "security", "user"),
    *("password_file", "sender", "largest", "checkpoints", "key", "copies", "people", "tokens"),
}


def check(*words: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["retention", "check", *words], env=environment or {})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_the_command_says_what_there_is(file: Path) -> None:
    assert check("--site", str(file)) == (
        0,
        "well: schedule 2.0 of 2026-01-05 (Assistant Director), 6 rules, 3 kinds of case;"
        " 4 roles, 3 people, 1 groups\n",
    )


def test_the_command_prints_mistakes_and_ends_with_1(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parents[1])
    os.chmod("deploy/index.key", 0o644)
    expected = (
        "deploy/retention.yaml:8:14: deploy/index.key is open to others (mode 0644), expected"
        " 0640 or less: chmod u=rw,g=r,o= deploy/index.key\n"
    )
    assert check() == (1, expected)
    assert check(environment={"IVR_RETENTION": "deploy/retention.yaml"}) == (1, expected)
    assert check(environment={"IVR_RETENTION": "nowhere.yaml"}) == (
        1,
        "nowhere.yaml:1:1: the file is missing, expected it here\n",
    )
