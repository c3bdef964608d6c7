"""Reaching the engines that ``socket`` names, one after the other (docs/freeswitch.md 8)."""

from __future__ import annotations

from typing import Any

from gevent import socket

from ivr.lab.leg import Leg


def reach(leg: Leg, hosts: str) -> Any | None:
    """A connection to the first of ``host:port|host:port`` that takes it; None where none does."""
    for host in hosts.split("|"):
        name, _, port = host.rpartition(":")
        leg.set("socket_host", name)
        connection: Any = socket.socket()
        try:
            connection.connect((name, int(port)))
        except (OSError, ValueError) as error:
            connection.close()
            leg.switch.log("ERR", f"Socket Error: {error}")
            continue
        return connection
    return None
