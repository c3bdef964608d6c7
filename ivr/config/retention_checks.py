"""What of ``retention.yaml`` must fit together, besides each value by itself (R14, R20)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.config.document import Document, Where, file_fault
from ivr.config.folders import is_folder, resolved, within
from ivr.config.kinds_retention import SECRET_KEY, IndexUrl, is_loopback
from ivr.config.mistakes import quoted, shown
from ivr.config.secret_files import key_file, password_in

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path: Linux has 108, with a zero byte at the end."""
_LARGEST_CA_FILE = 4 << 20
_INDEX_KEY_BYTES = 32
_MAKE_KEY = "(umask 077; head -c 32 /dev/urandom > {})"


def check_secrets(document: Document) -> None:
    """Note a secret key where the public one belongs, without showing it."""
    listed = document.at("sealing", "recipients")
    for n, text in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(text, str) and SECRET_KEY.match(text.strip()):
            where: Where = ("sealing", "recipients", n)
            document.say(
                where,
                "a secret key of age's is here, expected the public one, age1…, which age-keygen "
                "-y prints; whoever can read this file has the secret one now: make another",
            )
            document.spoiled.add(where)
    url = document.at("index")
    if isinstance(url, str) and _password_of(url) is not None:
        document.say(
            ("index",),
            '"index" has a password in it, expected the password in a file: index_password_file',
        )
        document.spoiled.add(("index",))


def _password_of(url: str) -> str | None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        # What SQLAlchemy cannot read may hold one all the same: user:password@host.
        before = url.partition("://")[2].rpartition("@")[0]
        return before.partition(":")[2] or None
    if found.password is not None:
        return str(found.password)
    given = found.query.get("password")
    return None if given is None else str(given)


def check_folders(
    document: Document, spools: Mapping[int, Path], archive: Path | None, state: Path
) -> None:
    """Note folders that lie in each other, of which one would be taken for the other."""
    if document.text("state") is None:
        return
    named_archive = document.text("archive") is not None
    for n, spool in spools.items():
        for m, other in spools.items():
            if m < n and (fault := _nested(spool, other, "the spool")):
                document.say(("spools", n), f"{shown(spool)} {fault}, expected each spool once")
                break
        if archive is not None and named_archive:
            _apart(document, ("archive",), archive, spool, "the spool")
        _apart(document, ("state",), state, spool, "the spool")
    if archive is not None and named_archive and within(state, archive):
        document.say(
            ("state",),
            f"{shown(state)} {'is' if within(archive, state) else 'is in'} the archive "
            f"{shown(archive)}, expected a folder outside it, where nobody takes its files for "
            "recordings",
        )
    copies = document.text("checkpoints", "copies")
    if copies and within(resolved(document, copies), state):
        document.say(
            ("checkpoints", "copies"),
            f"{shown(resolved(document, copies))} is in the state {shown(state)}, expected a "
            "folder outside it: whoever changes the trail there would change these, too",
        )


def _apart(document: Document, where: Where, folder: Path, other: Path, what: str) -> None:
    fault = _nested(folder, other, what)
    if fault:
        document.say(where, f"{shown(folder)} {fault}, expected a folder outside it, without it")


def _nested(folder: Path, other: Path, what: str) -> str:
    """How two folders lie in each other; empty where they do not."""
    inside, around = within(folder, other), within(other, folder)
    if inside and around:
        return f"is {what} {shown(other)} too"
    if inside:
        return f"is in {what} {shown(other)}"
    return f"has {what} {shown(other)} in it" if around else ""


def check_socket(document: Document, socket: Path) -> None:
    """Note a path that the system would refuse for a socket."""
    size = len(os.fsencode(socket))
    if size > LONGEST_SOCKET:
        where: Where = ("socket",) if document.text("socket") else ("state",)
        document.say(
            where,
            f"the socket's path {quoted(str(socket))} has {size} bytes, expected at most "
            f"{LONGEST_SOCKET}, such as socket: /run/ivr-retention/socket",
        )


def index_url(document: Document, state: Path) -> URL | None:
    """Where the index is, with the password out of its file; None where that has a mistake."""
    from sqlalchemy.engine import URL, make_url

    text = document.text("index")
    if text is None and document.at("index") is not None:
        return None
    if text is not None and not IndexUrl().fits(text):
        return None
    if text is None:
        url = URL.create("sqlite", database=str(state / "index.sqlite"))
    else:
        try:
            url = make_url(text)
        except ValueError:
            return None
    name = document.text("index_password_file")
    if url.drivername == "sqlite":
        if name:
            document.say(
                ("index_password_file",),
                '"index_password_file" is for a database that asks for one, expected index: '
                '"postgresql://…", or no index_password_file',
                at_key=True,
            )
        return url.set(database=str(resolved(document, url.database or "")))
    if name:
        password = password_in(document, ("index_password_file",), name)
        url = url.set(password=password or None)
    return url.set(drivername="postgresql+psycopg")


def _on_this_host(url: URL) -> bool:
    """Whether who takes this host away has the index, too."""
    if url.drivername == "sqlite":
        return True
    asked = url.query.get("host")
    host = url.host or (asked if isinstance(asked, str) else "")
    return not host or host.startswith("/") or is_loopback(host)


def check_sealing(document: Document, index: URL | None) -> tuple[Path | None, Path | None]:
    """The files of the index key and the secret key, with what is wrong with them noted."""
    if not isinstance(document.at("sealing"), dict):
        return None, None
    document.say_twice(("sealing", "recipients"), "each key")
    if index is not None and document.at("sealing", "index_key") is None and _on_this_host(index):
        document.say(
            ("sealing",),
            'key "index_key" is missing, expected index_key: <a file with 32 random bytes>: the '
            "index lies on this host and would hold customers' numbers in the clear beside an "
            f"archive that is sealed; make one: {_MAKE_KEY.format('index.key')}",
            at_key=True,
        )
    index_key = key_file(document, ("sealing", "index_key"), least=_INDEX_KEY_BYTES, make=_MAKE_KEY)
    identity = key_file(document, ("sealing", "identity"), required=False)
    return index_key, identity


def check_s3(document: Document) -> None:
    """Note settings of object storage that nobody asks, and credentials that others can read."""
    if document.at("s3") is None:
        return
    key_file(document, ("s3", "credentials"))
    archive = document.at("archive")
    if archive is None or (isinstance(archive, str) and "://" not in archive):
        document.say(
            ("s3",),
            '"s3" is for an archive in object storage, expected archive: "s3://bucket/prefix", or '
            "no s3",
            at_key=True,
        )


def mail_password(document: Document) -> str:
    """The password at the mail server, with what of mail does not fit together noted."""
    if not isinstance(document.at("mail"), dict):
        return ""
    _mail_host(document)
    is_folder(resolved(document, document.text("mail", "templates") or "mail"), document, _TEXTS)
    if name := document.text("mail", "ca_file"):
        path = resolved(document, name)
        if fault := file_fault(path, _LARGEST_CA_FILE):
            document.say(("mail", "ca_file"), f"{shown(path)}: {fault}")
    user, password = document.text("mail", "user"), document.text("mail", "password_file")
    if user and not password:
        document.say(
            ("mail", "user"),
            '"user" is here and "password_file" is not, expected both, or neither',
            at_key=True,
        )
    if password and not document.at("mail", "user"):
        document.say(
            ("mail", "password_file"),
            '"password_file" is here and "user" is not, expected both, or neither',
            at_key=True,
        )
    return password_in(document, ("mail", "password_file"), password) if password else ""


_TEXTS: Where = ("mail", "templates")


def _mail_host(document: Document) -> None:
    host = document.text("mail", "host")
    if document.text("mail", "security") == "none" and host and not is_loopback(host):
        document.say(
            ("mail", "security"),
            f'"security" is "none", and {quoted(host)} is not this host: recordings would be '
            'sent in the clear, expected "starttls" or "tls"',
        )
