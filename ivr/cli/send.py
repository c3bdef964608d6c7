"""``ivr send``, ``mails`` and ``evidence``: copies that leave (R15, R16)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ivr.cli.retention.asking import (
    identity_in,
    identity_option,
    json_option,
    reason_option,
    service,
    zone_of,
)
from ivr.cli.retention.file import new_file
from ivr.cli.retention.view import lasting, moment, nothing, plain, short, show_rows, size_of
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say
from ivr.config.mistakes import printable
from ivr.errors import UsageError

if TYPE_CHECKING:
    from ivr.retention.answers import Sent
    from ivr.retention.outgoing.model import Outgoing

FORMATS = ("mp3", "opus", "wav")


@click.command(
    epilog=examples(
        "ivr send 3deba8b7 --to jo@example.org --reason 'asked for it'",
        "ivr send 3deba8b7 --to jo@example.org --protect --language cy-GB",
    )
)
@retention_option
@click.argument("call")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="The customer's address.")
@click.option(
    "--again",
    metavar="ADDRESS",
    help="The address once more; asked for at a terminal. A copy cannot be called back.",
)
@reason_option
@click.option("--case", default="", metavar="REF", help="The case that it is for.")
@click.option("--reference", default="", help="What the customer knows it by.  [default: the case]")
@click.option("--language", default="", help="Of the mail's text.  [default: the call's]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Of the copy.  [default: as the site's file says]",
)
@click.option(
    "--protect",
    is_flag=True,
    help="Make a password, print it once, and send the copy in a ZIP that only it opens.",
)
@click.option(
    "--listened",
    is_flag=True,
    help="Somebody has listened to all of it; needed where not all of its pauses are known.",
)
@identity_option
@json_option
def send(
    site: Path,
    call: str,
    address: str,
    again: str | None,
    reason: str,
    case: str,
    reference: str,
    language: str,
    form: str | None,
    protect: bool,
    listened: bool,
    identity: Path | None,
    as_json: bool,
) -> None:
    """Mail a copy of a recording to the customer.

    CALL is its id, or so much of its beginning as no other call has. The service sends it; `ivr
    mails` shows what became of it. A password is kept nowhere: tell it to the customer in another
    way than by mail.
    """
    from ivr.export.address import checked_address, same_address
    from ivr.retention.answers import Wish
    from ivr.retention.service.requests import Send

    checked_address(address)
    if again is None:
        again = _typed_again()
    if differs := same_address(address, again):
        raise UsageError(f"{differs}\n  nothing was sent: type the address twice, the same")
    password = _password() if protect else ""
    wish = Wish(
        call,
        address,
        again,
        reason=reason,
        case=case,
        language=language,
        format=form or "",
        reference=reference,
        password=password,
        listened=listened,
    )
    sent: Sent = service(site).ask(Send(wish, identity_in(identity)))
    if as_json:
        say(json.dumps({**plain(sent), **({"password": password} if password else {})}))
        return
    length = f"{lasting(sent.duration_ms)}, {size_of(sent.size)}"
    say(printable(f"{sent.mail}  to {sent.address}  {length}"))
    if password:
        say(f"password, shown only now: {password}")


def _typed_again() -> str:
    """The address, asked for at a terminal. Raises UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError("--again is missing: the address, once more; a copy cannot be called back")
    typed: str = click.prompt("the address once more", err=True)
    return typed


def _password() -> str:
    from ivr.export.container import make_password

    return make_password()


@click.command(epilog=examples("ivr mails", "ivr mails 3deba8b7 --json", "ivr mails --again 5c1d"))
@retention_option
@click.argument("call", default="")
@click.option("--again", metavar="MAIL", default="", help="Send one that is `unknown` once more.")
@click.option("--let-be", metavar="MAIL", default="", help="Give one up that is `unknown`.")
@json_option
def mails(site: Path, call: str, again: str, let_be: str, as_json: bool) -> None:
    """Show mails with copies, of one call or all, the latest first, and what became of each.

    \b
    waiting  it is tried again     sending  it is on its way
    sent     the server took it    failed   given up; the server said why
    unknown  the service was killed in mid-sending: it may have gone, ask the customer,
             and then decide: --again MAIL, or --let-be MAIL
    """
    from ivr.retention.service.requests import MailDecide, Mails

    if again and let_be:
        raise UsageError("--again and --let-be are both here, expected one of them")
    if again or let_be:
        decided: Outgoing = service(site).ask(MailDecide(again or let_be, again=bool(again)))
        say(f"mail {decided.id} is {decided.state}: {printable(decided.told)}")
        return
    found: list[Outgoing] = service(site).ask(Mails(call))
    if as_json:
        for each in found:
            say(json.dumps(plain(each)))
        return
    zone = zone_of(site)
    rows = [
        (
            each.id,
            each.state,
            short(each.call),
            each.address,
            each.who,
            moment(each.queued_ms, zone),
            f"next {moment(each.next_ms, zone)}" if each.state == "waiting" else "",
            each.told,
        )
        for each in found
    ]
    headings = ("mail", "state", "call", "to", "by", "asked for", "", "the server said")
    show_rows(headings, rows)
    if not found:
        nothing("mails")


@click.command(
    epilog=examples("ivr evidence 3deba8b7 --case D-12 --output evidence.zip --reason 'hearing'")
)
@retention_option
@click.argument("call")
@click.option("--case", required=True, metavar="REF", help="The open case that names it.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write; only you may read it.",
)
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@reason_option
@identity_option
def evidence(
    site: Path,
    call: str,
    case: str,
    output: Path,
    force: bool,
    reason: str,
    identity: Path | None,
) -> None:
    """Take a sealed bundle of a recording for a case: a ZIP.

    In it are the audio, the record, what the audit trail says, a list of hashes that is signed,
    and a page that says how to check all of it with sha256sum and openssl.
    """
    from ivr.retention.service.requests import Evidence

    wanted = Evidence(call, case, reason, identity_in(identity))

    def take(target: BinaryIO) -> None:
        service(site).fetch(wanted, target)

    with new_file(output, force) as target:
        take(target)
    click.echo(str(output), err=True)


COMMANDS: tuple[click.Command, ...] = (send, mails, evidence)
"""For :mod:`ivr.cli`."""
