"""``dialplan/``: policy, teams, destinations and routes, and what they say of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.config.catalogue import Catalogue
from ivr.config.document import Document, Place
from ivr.config.exempt import check_exempt
from ivr.config.explain import validated
from ivr.config.folders import only_files, yaml_files
from ivr.config.groups import check_destinations
from ivr.config.kinds import Known, Name
from ivr.config.leading import check_leading
from ivr.config.lines import check_lines
from ivr.config.mistakes import quoted
from ivr.config.opening import check_default_days, check_hours
from ivr.config.optout import check_opt_out
from ivr.config.outbound import check_contexts, check_routes
from ivr.config.pause import check_codes
from ivr.config.places import Documents
from ivr.config.reading import read
from ivr.config.schema import DestinationsFile, PolicyFile, RoutesFile, TeamFile
from ivr.config.speech import (
    check_menu_keys,
    check_queue_prompts,
    check_route_languages,
    check_team_prompts,
    language_of,
)
from ivr.config.staff import check_staff

_POLICY, _DESTINATIONS, _ROUTES = "policy.yaml", "destinations.yaml", "routes.yaml"


@dataclass(frozen=True, slots=True)
class Dialplan:
    """The files of the folder; a file with mistakes is ``None``, its mistakes in its document."""

    documents: tuple[Document, ...]
    policy: PolicyFile | None
    teams: Mapping[str, TeamFile | None]
    destinations: DestinationsFile | None
    routes: RoutesFile | None
    files: Documents | None


def read_dialplan(
    folder: Path, site: Document, catalogues: Mapping[str, Catalogue] | None
) -> Dialplan:
    """Read and check the folder; ``catalogues`` is ``None`` where there is no folder of them."""
    languages = None if catalogues is None else list(catalogues)
    policy_document = read(folder / _POLICY)
    destinations_document = read(folder / _DESTINATIONS)
    routes_document = read(folder / _ROUTES)
    only_files(folder, (_POLICY, _DESTINATIONS, _ROUTES), site, ("dialplan",))
    team_documents = _teams(folder, site)

    policy = validated(policy_document, PolicyFile, Known({"language": languages}))
    known = Known({"language": languages})
    destinations = validated(destinations_document, DestinationsFile, known)
    named = None if destinations_document.broken else destinations_document.names()
    teams = {
        name: _team(document, policy_document, catalogues or {}, languages, named)
        for name, document in team_documents.items()
    }
    team_names = list(team_documents) if (folder / "teams").is_dir() else None
    known = Known({"team": team_names, "destination": named, "language": languages})
    routes = validated(routes_document, RoutesFile, known)
    check_opt_out(policy_document, ("defaults", "opt_out"), policy_document)
    check_codes(policy_document, ("defaults",), policy_document)
    for document in team_documents.values():
        check_opt_out(document, ("opt_out",), policy_document)
        check_codes(document, (), policy_document)
    check_destinations(destinations_document)
    check_lines(destinations_document)
    check_queue_prompts(destinations_document, policy_document, catalogues or {})
    check_default_days(policy_document)
    check_leading(team_documents, routes_document, destinations_document)
    check_route_languages(routes_document, team_documents, policy_document, catalogues or {})
    check_staff(routes_document, policy_document, team_documents)
    check_routes(routes_document, destinations_document)
    check_contexts(routes_document, policy_document, site)
    check_exempt(policy_document, routes_document, destinations_document, team_documents.values())
    documents = (
        policy_document,
        *team_documents.values(),
        destinations_document,
        routes_document,
    )
    files = Documents(policy_document, team_documents, destinations_document, routes_document)
    return Dialplan(documents, policy, teams, destinations, routes, files)


def _teams(folder: Path, site: Document) -> dict[str, Document]:
    files = yaml_files(folder / "teams", site, ("dialplan",))
    found = {}
    for path in files:
        document = read(path)
        found[path.stem] = document
        name = Name()
        if not name.fits(path.stem):
            document.say_at(
                Place(1, 1),
                f"{quoted(path.name)} is a team's name, expected {name.expected} and .yaml"
                f"{name.hint(path.stem)}",
            )
    return found


def _team(
    document: Document,
    policy: Document,
    catalogues: Mapping[str, Catalogue],
    languages: list[str] | None,
    destinations: list[str] | None,
) -> TeamFile | None:
    language = language_of(document, policy)
    catalogue = catalogues.get(language or "")
    names = catalogue.names if catalogue else None
    known = Known({"language": languages, "prompt": names, "destination": destinations})
    team = validated(document, TeamFile, known)
    check_team_prompts(document, policy, catalogues)
    check_menu_keys(document, policy)
    check_hours(document)
    document.say_twice(("extensions",), "each extension")
    return team
