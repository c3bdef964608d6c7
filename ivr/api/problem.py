"""How the HTTP interface says no: ``application/problem+json`` (RFC 9457).

Every refusal has a kind. The kind's name is in the problem's ``type`` and is the ``reason`` of
the metric ``ivr_http_refusals``, so that both are bounded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from urllib.parse import quote

from ivr.api.calls import CallNow
from ivr.tokens.token import hidden

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ivr:problem:"


class Kind(Enum):
    """Why a request is refused: its HTTP status, and a title that is always the same."""

    BAD_REQUEST = 400, "Bad request"
    BAD_QUERY = 400, "Bad query"
    NO_TOKEN = 401, "Token missing"
    BAD_TOKEN = 401, "Token not accepted"
    EXPIRED_TOKEN = 401, "Token expired"
    NO_SCOPE = 403, "Scope missing"
    NO_PAGE = 404, "Not here"
    NO_CALL = 404, "No such call"
    NO_EXTENSION = 404, "No call on this extension"
    METHOD = 405, "Method not allowed"
    SLOW = 408, "Request too slow"
    TWO_CALLS = 409, "More than one call on this extension"
    NOT_CONNECTED = 409, "Call not connected"
    NOT_RECORDED = 409, "Call not recorded"
    AT_PAYMENT_LINE = 409, "Call connected to a payment line"
    BUSY = 409, "The opposite is under way"
    ENDED = 410, "Call ended"
    NO_LENGTH = 411, "Length required"
    LARGE_BODY = 413, "Body too large"
    LONG_PATH = 414, "Path too long"
    LARGE_HEADERS = 431, "Headers too large"
    FAULT = 500, "Fault in the engine"
    AWAY = 503, "FreeSWITCH is away"
    NOT_CONFIRMED = 503, "Not confirmed by FreeSWITCH"
    TOKENS_UNUSABLE = 503, "Tokens cannot be read"
    CROWDED = 503, "Too many connections"

    @property
    def status(self) -> int:
        """Of the answer."""
        return self.value[0]

    @property
    def title(self) -> str:
        """The same for every problem of the kind."""
        return self.value[1]

    @property
    def reason(self) -> str:
        """Its name in metrics and in ``type``."""
        return self.name.lower().replace("_", "-")


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        call: CallNow | None = None,
        calls: Sequence[str] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        """For people: what is wrong and what to do. Nothing of the request is repeated in it."""
        self.call = call
        """The call it is about, as it is now."""
        self.calls = tuple(calls)
        """Ids of the calls between which it cannot be decided."""
        self.headers = tuple(headers)

    def body(self, path: str = "") -> bytes:
        """The problem as JSON; ``path`` is what was asked for, unquoted, and may be anything."""
        kind = self.kind
        content: dict[str, object] = {
            "type": TYPE_PREFIX + kind.reason,
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
        }
        if path:
            content["instance"] = quote(hidden(path))
        if self.call is not None:
            content["call"] = self.call._asdict()
        if self.calls:
            content["calls"] = list(self.calls)
        return json.dumps(content).encode() + b"\n"
