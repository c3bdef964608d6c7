"""From the site's file to the whole configuration, or to every mistake in it at once (R20)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from ivr.config.catalogue import Catalogue, read_catalogues
from ivr.config.dialplan import Dialplan, read_dialplan
from ivr.config.document import Document
from ivr.config.exempt import exempt_extensions, exempt_numbers
from ivr.config.folders import is_folder, resolved
from ivr.config.hours import Hours
from ivr.config.lines import payment_lines
from ivr.config.mistakes import Mistake
from ivr.config.reading import read
from ivr.config.resolve import Resolver, hours_of
from ivr.config.routes import beginnings, by_number
from ivr.config.settings import Configuration, Site
from ivr.config.site import read_site
from ivr.config.staff import emergency
from ivr.errors import ConfigError

__all__ = ["Configuration", "ConfigurationError", "Mistake", "check", "load"]

_VERSION_DIGITS = 12


class ConfigurationError(ConfigError):
    """YAML or prompts are wrong; one line a mistake, in the order of files and lines."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        """Every mistake, sorted."""
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def load(site_file: Path) -> Configuration:
    """The configuration that the site's file names; :class:`ConfigurationError` for mistakes.

    Reads every file once and blocks meanwhile: the first time for half a second, most of it for
    the prompts' audio, and later, with the same audio, for a twentieth of that.
    """
    read_files = _read(Path(site_file))
    if read_files.mistakes:
        raise ConfigurationError(read_files.mistakes)
    return _configuration(read_files)


def site_alone(site_file: Path) -> Site:
    """The site's settings, whatever is wrong in the dialplan and the prompts meanwhile.

    Raises ConfigurationError where there are mistakes in the site's file itself.
    """
    document = read(site_file)
    site = read_site(document)
    if document.mistakes:
        raise ConfigurationError(document.mistakes)
    if site is None:
        raise ConfigError(f"{site_file} has a mistake that was not named; please report it")
    return site


def check(site_file: Path) -> list[Mistake]:
    """Every mistake in the site's file and all that it names, sorted; empty where all is well."""
    return sorted(set(_read(Path(site_file)).mistakes))


@dataclass(frozen=True, slots=True)
class _Files:
    """All that was read; complete where there are no mistakes."""

    mistakes: tuple[Mistake, ...]
    documents: tuple[Document, ...]
    site: Site | None
    dialplan: Dialplan
    catalogues: Mapping[str, Catalogue]


_NOTHING = Dialplan((), None, {}, None, None, None)


def _read(site_file: Path) -> _Files:
    document = read(site_file)
    site = read_site(document)
    # What else there is to say is said too, where the site's file still names the folders.
    prompts = site.prompts if site else resolved(document, document.text("prompts") or "../prompts")
    plan = site.dialplan if site else resolved(document, document.text("dialplan") or "../dialplan")
    if document.broken:
        return _Files(tuple(document.mistakes), (document,), None, _NOTHING, {})
    catalogues = read_catalogues(prompts, document)
    dialplan = _NOTHING
    if is_folder(plan, document, ("dialplan",)):
        dialplan = read_dialplan(plan, document, catalogues if prompts.is_dir() else None)
    documents = (document, *(c.document for c in catalogues.values()), *dialplan.documents)
    mistakes = tuple(mistake for each in documents for mistake in each.mistakes)
    return _Files(mistakes, documents, site, dialplan, catalogues)


def _configuration(files: _Files) -> Configuration:
    site, plan = files.site, files.dialplan
    policy, destinations, routes_file = plan.policy, plan.destinations, plan.routes
    documents = plan.files
    if (
        site is None
        or policy is None
        or destinations is None
        or routes_file is None
        or documents is None
    ):
        raise ConfigError("the configuration has a mistake that was not named; please report it")
    version = _version(files)
    exempt = exempt_extensions(policy)
    resolver = Resolver(
        policy=policy,
        version=version,
        catalogues=files.catalogues,
        destinations=destinations.root,
        lines=payment_lines(destinations),
        zone=site.time_zone,
        documents=documents,
        exempt=exempt_numbers(exempt),
    )
    routes, extensions = [], {}
    for name, team in plan.teams.items():
        if team is None:
            raise ConfigError(f"team {name} has a mistake that was not named; please report it")
        extensions[name] = tuple(team.extensions or ())
        _learn_holidays(hours_of(team, policy.defaults, site.time_zone))
    for n, entry in enumerate(routes_file.root):
        team = plan.teams[entry.team]
        if team is not None:
            routes.append(resolver.route(n, entry, team))
    return Configuration(
        site=site,
        policy_version=policy.version,
        version=version,
        routes=tuple(routes),
        by_number=by_number(routes),
        beginnings=beginnings(routes),
        queues=resolver.queues(),
        extensions=MappingProxyType(extensions),
        exempt=exempt,
        emergency=emergency(policy),
    )


def _learn_holidays(hours: Hours | None) -> None:
    """The library of holidays is loaded now, and not while the first call waits for it."""
    if hours is not None:
        hours.is_open(datetime.now(UTC))


def _version(files: _Files) -> str:
    """Over what was written, not where it lies: the same on every host with the same files."""
    whole = hashlib.sha256()
    for document in files.documents:
        whole.update(document.path.name.encode("utf-8", "surrogateescape") + b"\0")
        whole.update(hashlib.sha256(document.data).digest())
    for language, catalogue in sorted(files.catalogues.items()):
        for name, prompt in sorted(catalogue.prompts.items()):
            for rate, file in sorted(prompt.files.items()):
                whole.update(f"{language}/{rate}/{name} {file.sha256}\n".encode())
    return whole.hexdigest()[:_VERSION_DIGITS]
