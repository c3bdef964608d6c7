"""Which settings of the site an engine keeps for as long as it runs (R20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from ivr.config.settings import Site

_KEPT: Mapping[str, Callable[[Site], object]] = MappingProxyType(
    {
        "outbound.listen": lambda site: site.listen,
        "freeswitch.host": lambda site: site.freeswitch.address.host,
        "freeswitch.port": lambda site: site.freeswitch.address.port,
        "freeswitch.password": lambda site: site.freeswitch.password,
        "spool": lambda site: site.spool,
        "fallback": lambda site: site.fallback,
        "http.listen": lambda site: site.http,
        "log.format": lambda site: site.log.format,
        "log.level": lambda site: site.log.level,
        "log.numbers": lambda site: site.log.numbers,
    }
)
"""By their names in the site's file; ``freeswitch.password`` stands for the file of it too."""


def takes_restart(running: Site, new: Site) -> tuple[str, ...]:
    """The settings in which the new site differs, and that a reload does not take over."""
    return tuple(name for name, value in _KEPT.items() if value(running) != value(new))


def taken_over(running: Site, new: Site) -> Site:
    """The new site as a reload puts it in force: what takes a restart is as it was."""
    return replace(
        new,
        listen=running.listen,
        freeswitch=running.freeswitch,
        spool=running.spool,
        fallback=running.fallback,
        http=running.http,
        log=running.log,
    )
