"""From the site's file to the whole configuration, or to every mistake in it at once (R20)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ivr.config.catalogue import Catalogue, read_catalogues
from ivr.config.dialplan import Dialplan, read_dialplan
from ivr.config.document import Document
from ivr.config.folders import is_folder, resolved
from ivr.config.kinds import milliseconds
from ivr.config.lines import payment_lines
from ivr.config.mistakes import Mistake
from ivr.config.outbound import beginnings, by_number
from ivr.config.pause import pausing
from ivr.config.reading import read
from ivr.config.schema import Defaults, DestinationsFile, TeamFile
from ivr.config.schema import Route as RouteEntry
from ivr.config.settings import Configuration, Route, Site
from ivr.config.site import read_site
from ivr.core.policy import CallPolicy, Prompt
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

    Reads every file once and blocks meanwhile (about a tenth of a second, most of it for the
    prompts' audio).
    """
    read_files = _read(Path(site_file))
    if read_files.mistakes:
        raise ConfigurationError(read_files.mistakes)
    return _configuration(read_files)


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


_NOTHING = Dialplan((), None, {}, None, None)


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
    site, policy = files.site, files.dialplan.policy
    destinations, routes_file = files.dialplan.destinations, files.dialplan.routes
    if site is None or policy is None or destinations is None or routes_file is None:
        raise ConfigError("the configuration has a mistake that was not named; please report it")
    version = _version(files)
    routes = []
    for entry in routes_file.root:
        team = files.dialplan.teams[entry.team]
        if team is None:
            raise ConfigError(f"team {entry.team} has a mistake that was not named; report it")
        made = _Made(policy.version, version, policy.defaults, files.catalogues, destinations)
        routes.append(made.route(entry, team))
    return Configuration(
        site=site,
        policy_version=policy.version,
        version=version,
        routes=tuple(routes),
        policies=MappingProxyType(by_number(routes)),
        beginnings=beginnings(routes),
    )


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


@dataclass(frozen=True, slots=True)
class _Made:
    """Routes out of what the files say."""

    policy_version: str
    version: str
    defaults: Defaults
    catalogues: Mapping[str, Catalogue]
    destinations: DestinationsFile

    def route(self, entry: RouteEntry, team: TeamFile) -> Route:
        """The route with its team's policy, defaults filled in."""
        defaults, own = self.defaults, team.opt_out
        language = team.language or defaults.language
        prompts = self.catalogues[language].prompts
        without_engine = team.without_engine or defaults.without_engine
        opt_out = defaults.opt_out
        reminders = opt_out.reminders if own.reminders is None else own.reminders
        policy = CallPolicy(
            team=entry.team,
            route=entry.name,
            language=language,
            policy_version=self.policy_version,
            config_version=self.version,
            announcement=prompts[team.prompts.announcement],
            reminder=prompts[team.prompts.reminder],
            goodbye=prompts[team.prompts.goodbye],
            busy=prompts[team.prompts.busy],
            no_answer=prompts[team.prompts.no_answer],
            unavailable=prompts[team.prompts.unavailable],
            opt_out_keys=own.keys or opt_out.keys,
            return_key=own.return_key or opt_out.return_key,
            inter_digit_ms=milliseconds(own.inter_digit or opt_out.inter_digit),
            confirm_ms=milliseconds(own.confirm_wait or opt_out.confirm_wait),
            reminders=reminders,
            destination=entry.destination,
            dial_string=self.destinations.root[entry.destination].dial or "",
            ring_ms=milliseconds(team.ring or defaults.ring),
            longest_call_ms=milliseconds(team.longest_call or defaults.longest_call),
            without_recording=team.without_recording or defaults.without_recording,
            direction=entry.direction,
            payment_line=self.destinations.root[entry.destination].payment_line,
            pausing=pausing(defaults.pause, team.pause, payment_lines(self.destinations)),
        )
        message: Prompt | None = None
        if without_engine == "message":
            message = prompts[team.prompts.no_engine]
        return Route(
            name=entry.name,
            numbers=tuple(number for number in entry.numbers if not number.endswith("*")),
            beginnings=tuple(one[:-1] for one in entry.numbers if one.endswith("*")),
            strip=entry.strip or "",
            policy=policy,
            without_engine=without_engine,
            no_engine=message,
        )
