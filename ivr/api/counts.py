"""What the HTTP interface counts (R21). Labels are templates, statuses and kinds: bounded."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from ivr.api.problem import Kind

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

NO_ROUTE = "none"
"""The ``route`` of a request that is for none."""


class HttpCounts:
    """Requests and every refusal. Scrapes and health are not counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "ivr_http_requests",
            "Requests that were answered, scrapes and health apart, by the template of their route"
            " and by status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "ivr_http_seconds",
            "From a request that is read to its answer, FreeSWITCH's confirmation included.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._refusals = Counter(
            "ivr_http_refusals",
            "Requests that were refused, by status and by the name of the problem.",
            ["status", "reason"],
            registry=registry,
        )
        for kind in Kind:  # from the start, so that the first one is seen to be an increase
            self._refusals.labels(kind.status, kind.reason)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is a template."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, kind: Kind) -> None:
        """Count a refusal."""
        self._refusals.labels(kind.status, kind.reason).inc()
