"""``deploy/ivr.yaml``: from what was written to what holds on this host."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.config.addresses import Address, AddressText
from ivr.config.document import Document, read_bytes
from ivr.config.explain import validated
from ivr.config.folders import resolved, safe_folder, within
from ivr.config.kinds import Known, bytes_of, milliseconds
from ivr.config.mistakes import printable, quoted, shown
from ivr.config.schema import EventSocket as EventSocketFile
from ivr.config.schema import Http, Outbound, SiteFile
from ivr.config.settings import EventSocket, Limits, LogSettings, RenderSettings, Site

_LARGEST_PASSWORD_FILE = 4096


def read_site(document: Document) -> Site | None:
    """The site's settings; ``None`` with the mistakes noted in the document.

    Raises nothing; also where the result is not ``None`` mistakes may have been noted.
    """
    file = validated(document, SiteFile, Known())
    _engines_twice(document)
    _listening_twice(document)
    password = _password(document)
    spool = safe_folder(document, ("spool",), document.text("spool") or "spool")
    fallback = _fallback(document, spool)
    prompts = safe_folder(document, ("prompts",), document.text("prompts") or "../prompts")
    if file is None:
        return None
    return Site(
        file=document.path.absolute(),
        listen=Address.of(file.outbound.listen),
        engines=tuple(Address.of(engine) for engine in file.outbound.engines),
        freeswitch=EventSocket(_event_socket(file.freeswitch), password),
        spool=spool,
        http=Address.of(file.http.listen),
        tokens=resolved(document, file.http.tokens),
        log=LogSettings(file.log.format, file.log.level, file.log.numbers),
        limits=Limits(
            milliseconds(file.limits.command),
            file.limits.connections,
            bytes_of(file.limits.least_free),
            milliseconds(file.limits.stop),
        ),
        render=RenderSettings(
            file.render.context,
            file.render.staff_context,
            milliseconds(file.render.dead_man) // 1000,
        ),
        dialplan=resolved(document, file.dialplan),
        prompts=prompts,
        fallback=fallback,
        time_zone=ZoneInfo(file.time_zone) if file.time_zone else None,
    )


def _fallback(document: Document, spool: Path) -> Path | None:
    """Where recordings go on; what fills the spool or takes it away must not take it too."""
    text = document.text("fallback")
    if not text:
        return None
    folder = safe_folder(document, ("fallback",), text)
    if within(folder, spool) and within(spool, folder):
        fault = "is the spool too, expected a folder of its own"
    elif within(folder, spool):
        fault = f"is in the spool {shown(spool)}, expected a folder outside it"
    elif within(spool, folder):
        fault = f"has the spool {shown(spool)} in it, expected a folder without it"
    else:
        return folder
    document.say(("fallback",), f'"fallback" {quoted(text)} {fault}, best on another file system')
    return folder


def _event_socket(file: EventSocketFile) -> Address:
    return Address(file.host, file.port)


def _engines_twice(document: Document) -> None:
    first = document.text("outbound", "engines", 0)
    if first is not None and first == document.text("outbound", "engines", 1):
        document.say(
            ("outbound", "engines", 1),
            f"engine {quoted(first)} is here twice, expected the address of another engine",
        )


def _listening_twice(document: Document) -> None:
    """Calls and metrics at one address: the engine could not start."""
    calls = document.text("outbound", "listen") or Outbound.model_fields["listen"].default
    metrics = document.text("http", "listen") or Http.model_fields["listen"].default
    written = AddressText()
    if not (written.fits(calls) and written.fits(metrics)):
        return
    if not Address.of(calls).clashes(Address.of(metrics)):
        return
    if document.text("http", "listen"):
        where, other, by = ("http", "listen"), metrics, f"calls arrive at (outbound, {calls})"
    else:
        where, other, by = ("outbound", "listen"), calls, f"metrics have (http, {metrics})"
    document.say(
        where,
        f'"listen" is {quoted(other)}, which is the port that {by}, expected another port',
    )


def _password(document: Document) -> str:
    """The event socket's password; empty where a mistake was noted."""
    settings = document.at("freeswitch")
    if not isinstance(settings, dict):
        return ""
    here, there = "password" in settings, "password_file" in settings
    if here and there:
        document.say(
            ("freeswitch", "password_file"),
            '"password" and "password_file" are both here, expected one of them',
            at_key=True,
        )
    elif not here and not there:
        document.say(
            ("freeswitch",),
            'key "password" is missing, expected password: "…" or password_file: <a file>',
            at_key=True,
        )
    elif here:
        return document.text("freeswitch", "password") or ""
    elif name := document.text("freeswitch", "password_file"):
        return _password_in(document, name)
    return ""


def _password_in(document: Document, name: str) -> str:
    path = resolved(document, name)
    where = ("freeswitch", "password_file")
    data, fault = read_bytes(path, _LARGEST_PASSWORD_FILE)
    if fault:
        document.say(where, f"{shown(path)}: {fault}")
        return ""
    try:
        password = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        document.say(where, f"{shown(path)} is not UTF-8, expected a password in UTF-8")
        return ""
    if not password or printable(password) != password:
        document.say(where, f"{shown(path)} holds no password, expected one line of text")
        return ""
    return password
