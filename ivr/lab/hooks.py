"""What a leg's variables have it do at a moment: ``execute_on_...`` and ``api_on_...``.

Every variable whose name begins so is one thing to do, in the order in which they were set
(docs/freeswitch.md 14c, 80).
"""

from __future__ import annotations

import re

from ivr.lab.leg import Leg
from ivr.lab.session import execute, expand

POST_BRIDGE = "execute_on_post_bridge"
"""Done by the leg itself when it leaves a bridge, before it can enter another one."""


def execute_on(leg: Leg, moment: str) -> None:
    """Run the applications that the leg's variables name for a moment: ``app argument`` or
    ``app::argument``. A leg that was hung up runs none."""
    for text in _values(leg, moment):
        app, *arg = re.split(r" |::?", text, maxsplit=1)
        execute(leg, app, "".join(arg))


def api_on(leg: Leg, moment: str) -> None:
    """Run the API commands that the leg's variables name for a moment."""
    for text in _values(leg, moment):
        name, _, arg = text.partition(" ")
        leg.switch.api(name, expand(leg, arg))


def _values(leg: Leg, moment: str) -> list[str]:
    return [leg.get(name) for name in leg.variables if name.startswith(moment)]
