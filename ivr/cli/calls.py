"""The commands about calls in progress: ``ivr calls``, ``pause``, ``resume``, and ``token``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ivr.cli.token import Tokens, days_option, json_option, name_argument
from ivr.cli.words import examples, say, site_option, spool_option
from ivr.errors import UsageError

if TYPE_CHECKING:
    from ivr.api.calls import CallNow
    from ivr.engine.asking import RunningEngine

_FEWEST = 4
"""So many characters of a call's id are enough where no other call's begins with them."""
_BEGINS = re.compile(rf"[0-9a-f-]{{{_FEWEST},36}}", re.ASCII)
_MOST_NAMED = 10
SCOPES = ("calls:read", "recording:pause", "calls:mark")
"""As :class:`ivr.api.tokens.Scope` has them, which is slow to import."""


def chosen(calls: Sequence[CallNow], word: str) -> CallNow:
    """The call that a person means: by its id, by so much of its beginning as no other call has,
    or by the extension that it is connected to.

    Raises:
        UsageError: there is none, or there are several; all of those are named.
    """
    word = word.strip()
    exactly = [call for call in calls if call.call == word]
    if exactly:
        return exactly[0]
    found = [call for call in calls if word and call.extension == word]
    if _BEGINS.fullmatch(word.lower()):
        found += [
            call for call in calls if call.call.startswith(word.lower()) and call not in found
        ]
    if len(found) == 1:
        return found[0]
    shown = ascii(word)[1:-1]
    if not found:
        raise UsageError(
            f"no call in progress has the id or extension {shown}, expected an id, at least"
            f" {_FEWEST} characters of its beginning, or an extension; `ivr calls` shows them"
        )
    names = "".join(f"\n  {call.call}" for call in found[:_MOST_NAMED])
    more = f"\n  and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    raise UsageError(f"{shown} is {len(found)} calls, name one of them by its id:{names}{more}")


def _engine(site: Path, folder: Path | None) -> RunningEngine:
    from ivr.config.load import site_alone
    from ivr.engine.asking import RunningEngine

    return RunningEngine.of(site_alone(site).spool if folder is None else folder.absolute())


@click.command(
    epilog=examples("ivr calls", "ivr calls --json | jq -r 'select(.pause == \"on\").call'")
)
@site_option
@spool_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--once", is_flag=True, help="The calls as they are now, also on a terminal.")
@click.option("--numbers", is_flag=True, help="Customers' numbers whole, not their last three.")
def calls(site: Path, folder: Path | None, as_json: bool, once: bool, numbers: bool) -> None:
    """Show who talks, who is recorded, and who is paused and since when.

    On a terminal the view is renewed each second; q or Ctrl-C ends it. Elsewhere it is one
    line a call.
    """
    engine = _engine(site, folder)
    from ivr.cli import view as view

    if not as_json and not once and sys.stdout.isatty():
        view.live(engine.calls, numbers)
        return
    found = engine.calls()
    for call in found:
        shown = view.hide(call, numbers)
        say(json.dumps(shown._asdict()) if as_json else view.line(shown))
    if not found:
        click.echo("no calls", err=True)


@click.command(epilog=examples("ivr pause 1001", "ivr pause 3deba8b7"))
@site_option
@spool_option
@click.argument("call", metavar="CALL|EXTENSION")
def pause(site: Path, folder: Path | None, call: str) -> None:
    """Pause the recording of a call; ends when FreeSWITCH has confirmed it.

    CALL is its id, or so much of its beginning as no other call has; EXTENSION is the agent's.
    """
    _change("pause", site, folder, call)


@click.command(epilog=examples("ivr resume 1001", "ivr resume 3deba8b7"))
@site_option
@spool_option
@click.argument("call", metavar="CALL|EXTENSION")
def resume(site: Path, folder: Path | None, call: str) -> None:
    """End the pause of a call; ends when FreeSWITCH has confirmed it.

    CALL is its id, or so much of its beginning as no other call has; EXTENSION is the agent's.
    """
    _change("resume", site, folder, call)


def _change(what: Literal["pause", "resume"], site: Path, folder: Path | None, word: str) -> None:
    from ivr.cli import view as view

    engine = _engine(site, folder)
    call = engine.change(what, chosen(engine.calls(), word).call)
    say(view.line(view.hide(call, numbers=False)))


@click.group()
def token() -> None:
    """Who may use the HTTP interface: add, list and revoke tokens.

    The running engine sees a change at once.
    """


def _tokens(site: Path) -> Tokens:
    from ivr.api.tokens import USE
    from ivr.config.load import site_alone

    settings = site_alone(site)
    return Tokens(settings.tokens, USE, settings.spool)


@token.command(
    epilog=examples(
        "ivr token add payment-page --scope recording:pause",
        "ivr token add wallboard --scope calls:read --days 365",
    )
)
@site_option
@name_argument
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it may be used for; may be given several times.",
)
@days_option
def add(site: Path, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a token and print it, this once: only its hash is kept.

    NAME says who has it, in lists and logs.
    """
    _tokens(site).add(name, scopes, days)


@token.command("list", epilog=examples("ivr token list", "ivr token list --json"))
@site_option
@json_option
def list_(site: Path, as_json: bool) -> None:
    """List the tokens by name, with scopes and end; never the tokens themselves."""
    _tokens(site).show(as_json)


@token.command(epilog=examples("ivr token revoke payment-page"))
@site_option
@name_argument
def revoke(site: Path, name: str) -> None:
    """Forget a token; a running engine refuses it from the next request on."""
    _tokens(site).revoke(name)


COMMANDS: tuple[click.Command, ...] = (calls, pause, resume, token)
"""For :mod:`ivr.cli`."""
