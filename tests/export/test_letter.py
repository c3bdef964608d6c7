"""The mail to a customer: its texts are configuration, its headers nobody's to forge (R15, R23)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from ivr.config.load import ConfigurationError
from ivr.errors import UsageError
from ivr.export.letter import Attachment, Letter, TooLargeError, build
from ivr.export.templates import Template, load_templates

SHIPPED = Path(__file__).parents[2] / "deploy" / "mail"
LETTER = Letter(
    id="0b9a4c1e-0000-4000-8000-000000000001",
    sender="recordings@council.example",
    address="jo@example.org",
    reference="C-1234",
    day=date(2026, 11, 24),
    team="benefits",
    at_ms=1_700_000_000_000,
    attachment=Attachment("recording-C-1234.mp3", "audio/mpeg", b"\xff\xfb\r\n.\r\n" * 1000),
)


@pytest.fixture
def english() -> Template:
    return load_templates(SHIPPED).of("en-GB")


def read(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_the_mail_says_what_the_template_says(english: Template) -> None:
    data = build(LETTER, english, 1_000_000)
    assert data.isascii()
    message = read(data)
    assert message["Subject"] == "Your call with Example Council on 24 November 2026 (C-1234)"
    assert message["From"] == "recordings@council.example"
    assert message["To"] == "jo@example.org"
    assert message["Message-ID"] == "<0b9a4c1e-0000-4000-8000-000000000001@council.example>"
    assert message["Date"].datetime.timestamp() == 1_700_000_000
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_body(("plain",))
    assert text is not None
    assert "on 24 November 2026 (reference C-1234)" in text.get_content()
    assert "password" not in text.get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "recording-C-1234.mp3"
    assert attached.get_content_type() == "audio/mpeg"
    assert attached.get_payload(decode=True) == LETTER.attachment.data


def test_welsh_and_a_password() -> None:
    template = load_templates(SHIPPED).of("cy-GB")
    message = read(build(replace(LETTER, protected=True), template, 1_000_000))
    assert "24 Tachwedd 2026" in message["Subject"]
    text = message.get_body(("plain",))
    assert text is not None
    assert "dilëwch y neges" in text.get_content()
    assert "Mae cyfrinair ar y ffeil" in text.get_content()


def test_a_language_that_there_is_not() -> None:
    with pytest.raises(UsageError, match='no mail in "fr-FR", expected one of "cy-GB", "en-GB"'):
        load_templates(SHIPPED).of("fr-FR")


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": "C-1\r\nBcc: al@example.org"},
        {"team": "a\nb"},
        {"id": "a\rb"},
        {"reference": "a" * 201},
        {"address": "jo@example.org\r\nBcc: al@example.org"},
    ],
)
def test_no_text_can_add_a_header(english: Template, changed: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        build(replace(LETTER, **changed), english, 1_000_000)


@pytest.mark.parametrize("name", ["../x", "", "a\nb", 'a"b', ".hidden", "é.mp3"])
def test_no_name_of_a_file_can(english: Template, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a file"):
        build(replace(LETTER, attachment=Attachment(name, "audio/mpeg", b"")), english, 1_000_000)


def test_what_is_filled_in_is_not_filled_in_again(english: Template) -> None:
    message = read(build(replace(LETTER, reference="{team}"), english, 1_000_000))
    assert message["Subject"].endswith("({team})")


def test_a_mail_that_is_too_large_says_both_sizes_and_what_else(english: Template) -> None:
    large = Attachment("a.mp3", "audio/mpeg", bytes(3_000_000))
    with pytest.raises(TooLargeError, match=r"4\.\d MB, and at most 4\.0 MB") as refused:
        build(replace(LETTER, attachment=large), english, 4_000_000)
    assert "ivr evidence" in str(refused.value)
    assert len(build(replace(LETTER, attachment=large), english, 5_000_000)) < 5_000_000
    exactly = len(build(LETTER, english, 1_000_000))
    assert len(build(LETTER, english, exactly)) == exactly
    with pytest.raises(TooLargeError):
        build(LETTER, english, exactly - 1)


GOOD = (SHIPPED / "en-GB.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "mistake"),
    [
        (
            "({reference})",
            "({refrence})",
            'en-GB.yaml:6:10: "subject" is "Your call with {organisation} on {day} ({refrence})", '
            "expected",
        ),
        ("({reference})", "({refrence})", 'did you mean "{reference}"?'),
        ("Dear customer", "Dear {customer}", '"{customer}" stands for nothing'),
        ("Dear customer", "Dear {customer", "a curly bracket is alone"),
        ("language: en-GB", "language: cy-GB", "expected the file's own name"),
        ("subject:", "subjct:", 'unknown key "subjct"'),
        (", December]", "]", '"months" has 11 items'),
    ],
)
def test_mistakes_are_named_with_their_place(
    tmp_path: Path, before: str, after: str, mistake: str
) -> None:
    (tmp_path / "en-GB.yaml").write_text(GOOD.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_templates(tmp_path)
    assert mistake.removesuffix("expected") in str(refused.value)


def test_a_folder_without_texts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no texts of mails here"):
        load_templates(tmp_path)
