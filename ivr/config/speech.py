"""Which prompts are needed in which language, and whether they are there (R1, R9, R18, R20)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ivr.config.catalogue import PLACE_FIRST, PLACE_MORE, Catalogue
from ivr.config.document import Document, Where
from ivr.config.mistakes import did_you_mean, quoted
from ivr.config.resolve import CLOSED_PROMPT
from ivr.config.schema import Languages, TeamPrompts

SLOTS = tuple(TeamPrompts.model_fields)
"""What a team has prompts for."""
_MENU_PROMPT = str(Languages.model_fields["prompt"].default)


def language_of(team: Document, policy: Document) -> str | None:
    """The language of a team that may have mistakes."""
    return team.text("language") or policy.text("defaults", "language")


def check_team_prompts(
    document: Document, policy: Document, catalogues: Mapping[str, Catalogue]
) -> None:
    """Note prompts that the team needs in its own language, or in those that a key chooses."""
    language = language_of(document, policy)
    names = _names(catalogues, language)
    if language is None or names is None or document.broken:
        return
    for default, where, expected in _defaults(document, policy):
        if default not in names:
            document.say(
                where,
                f"language {quoted(language)} has no prompt {quoted(default)}, expected it in its "
                f"catalogue or {expected}{did_you_mean(default, names)}",
            )
    chosen = document.at("languages", "keys")
    for key in chosen if isinstance(chosen, dict) else ():
        other = document.text("languages", "keys", key)
        if other != language:
            _check(document, ("languages", "keys", key), other, document, policy, catalogues)


def check_route_languages(
    routes: Document,
    teams: Mapping[str, Document],
    policy: Document,
    catalogues: Mapping[str, Catalogue],
) -> None:
    """Note prompts that a route's team needs in the route's own language."""
    for n in range(len(routes.value) if isinstance(routes.value, list) else 0):
        language, team = routes.text(n, "language"), teams.get(routes.text(n, "team") or "")
        if language and team is not None and language != language_of(team, policy):
            _check(routes, (n, "language"), language, team, policy, catalogues)


def check_queue_prompts(
    destinations: Document, policy: Document, catalogues: Mapping[str, Catalogue]
) -> None:
    """Note announcements of queues that their language does not have."""
    for name in destinations.names():
        announcement = destinations.text(name, "queue", "announcement")
        language = destinations.text(name, "queue", "language") or policy.text(
            "defaults", "language"
        )
        names = _names(catalogues, language)
        if announcement and language and names is not None and announcement not in names:
            destinations.say(
                (name, "queue", "announcement"),
                f"language {quoted(language)} has no prompt {quoted(announcement)}, expected it in "
                f"its catalogue, or another{did_you_mean(announcement, names)}",
            )
        if destinations.at(name, "queue", "position") is True and language and names is not None:
            missing = {PLACE_FIRST, PLACE_MORE} - names
            if missing:
                destinations.say(
                    (name, "queue", "position"),
                    f"language {quoted(language)} has no prompt {quoted(min(missing))}, expected "
                    f"{quoted(PLACE_FIRST)}, further places, and {quoted(PLACE_MORE)}",
                )


def check_menu_keys(document: Document, policy: Document) -> None:
    """Note keys of the choice of a language that the opt-out sequence has too."""
    chosen = document.at("languages", "keys")
    keys = document.text("opt_out", "keys") or policy.text("defaults", "opt_out", "keys") or ""
    for key in chosen if isinstance(chosen, dict) else ():
        if len(key) == 1 and key in keys:
            document.say(
                ("languages", "keys", key),
                f"key {quoted(key)} is part of the opt-out keys {quoted(keys)}, expected one that "
                "is not: it could mean both",
                at_key=True,
            )


def _names(catalogues: Mapping[str, Catalogue], language: str | None) -> frozenset[str] | None:
    catalogue = catalogues.get(language or "")
    return catalogue.names if catalogue else None


def _defaults(document: Document, policy: Document) -> Iterator[tuple[str, Where, str]]:
    """Prompts that are needed though the team does not name them, and how it could name others."""
    prompts = document.at("prompts")
    own = prompts if isinstance(prompts, dict) else {}
    there: Where = ("language",) if document.text("language") else ()
    for slot in SLOTS:
        default = str(TeamPrompts.model_fields[slot].default)
        if slot not in own and (slot != "no_engine" or _plays_message(document, policy)):
            yield default, there, f"{slot}: <another> under prompts"
    if _closes(document) and document.at("out_of_hours", "prompt") is None:
        yield CLOSED_PROMPT, ("hours",), "out_of_hours: {prompt: <another>}"
    if document.at("languages") is not None and document.at("languages", "prompt") is None:
        yield _MENU_PROMPT, ("languages",), "prompt: <another> under languages"


def _check(
    holder: Document,
    where: Where,
    language: str | None,
    team: Document,
    policy: Document,
    catalogues: Mapping[str, Catalogue],
) -> None:
    """Note at a place what a team needs and a language has not; each that its own language has."""
    names, own = _names(catalogues, language), _names(catalogues, language_of(team, policy))
    if names is None or own is None or language is None:
        return
    for needed in sorted(set(_needed(team, policy)) & own):
        if needed not in names:
            holder.say(
                where,
                f"language {quoted(language)} has no prompt {quoted(needed)}, which team "
                f"{quoted(team.path.stem)} needs, expected it in its catalogue"
                f"{did_you_mean(needed, names)}",
            )


def _needed(team: Document, policy: Document) -> Iterator[str]:
    """All prompts of a team that every one of its languages must have."""
    for slot in SLOTS:
        if slot != "no_engine" or _plays_message(team, policy):
            yield team.text("prompts", slot) or str(TeamPrompts.model_fields[slot].default)
    if _closes(team):
        yield team.text("out_of_hours", "prompt") or CLOSED_PROMPT
    overflow = team.at("overflow")
    for n in range(len(overflow) if isinstance(overflow, list) else 0):
        yield team.text("overflow", n, "prompt") or ""
    yield team.text("out_of_hours", "announcement") or ""


def _plays_message(team: Document, policy: Document) -> bool:
    said = team.text("without_engine") or policy.text("defaults", "without_engine")
    return said == "message"


def _closes(team: Document) -> bool:
    """Whether a prompt ends calls out of hours."""
    return team.at("hours") is not None and team.at("out_of_hours", "destination") is None
