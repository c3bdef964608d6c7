"""``show channels`` and ``show calls``: tables of what is up."""

from __future__ import annotations

import json
import time

from ivr.lab.leg import Leg

_USAGE = (
    "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels "
    "[count|like <match string>]|calls|detailed_calls|bridged_calls|detailed_bridged_calls|"
    "aliases|complete|chat|management|modules|nat_map|say|interfaces|interface_types|tasks|"
    "limits|status\n"
)

_ONLY_CHANNELS = {
    "application",
    "application_data",
    "dialplan",
    "context",
    "read_codec",
    "read_rate",
    "read_bit_rate",
    "write_codec",
    "write_rate",
    "write_bit_rate",
    "secure",
    "initial_cid_name",
    "initial_cid_num",
    "initial_ip_addr",
    "initial_dest",
    "initial_dialplan",
    "initial_context",
}

_NOT_OF_THE_OTHER = {"call_uuid", "hostname"}


def show(legs: list[Leg], arg: str) -> str:
    """The answer of ``show``: ``channels`` or ``calls``, ``as json`` or their ``count``."""
    words = arg.split()
    what = words[0] if words else ""
    if what not in {"channels", "calls"}:
        return _USAGE
    if what == "calls":
        legs = [leg for leg in legs if not (leg.outbound and leg.bridged)]
    if words[1:] == ["count"]:
        return f"\n{len(legs)} total.\n"
    rows = [_channel(leg) if what == "channels" else _call(leg) for leg in legs]
    table = {"row_count": len(rows)} | ({"rows": rows} if rows else {})
    return json.dumps(table, separators=(",", ":"), ensure_ascii=False)


def _channel(leg: Leg) -> dict[str, str]:
    app, data = leg.last_app or ("", "")
    party, other = leg.party, leg.peer
    epoch = leg.times.created // 1_000_000
    sent_name = leg.get("last_sent_callee_id_name") if other is not None else ""
    sent_number = leg.get("last_sent_callee_id_number") if other is not None else ""
    caller = other if other is not None and leg.outbound else leg
    return {
        "uuid": leg.uuid,
        "direction": "outbound" if leg.outbound else "inbound",
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(epoch)),
        "created_epoch": str(epoch),
        "name": leg.channel,
        "state": leg.state,
        "cid_name": party.name,
        "cid_num": party.number,
        "ip_addr": party.address,
        "dest": party.dialled,
        "application": app,
        "application_data": data,
        "dialplan": leg.dialplan,
        "context": party.context,
        "read_codec": leg.get("read_codec"),
        "read_rate": leg.get("read_rate"),
        "read_bit_rate": "64000" if leg.times.media else "",
        "write_codec": leg.get("write_codec"),
        "write_rate": leg.get("write_rate"),
        "write_bit_rate": "64000" if leg.times.media else "",
        "secure": "",
        "hostname": "lab",
        "presence_id": "",
        "presence_data": "",
        "accountcode": leg.get("accountcode"),
        "callstate": leg.callstate,
        "callee_name": leg.callee,
        "callee_num": leg.callee,
        "callee_direction": "SEND" if leg.callee else "",
        "call_uuid": caller.uuid if other is not None else "",
        "sent_callee_name": sent_name,
        "sent_callee_num": sent_number,
        "initial_cid_name": party.name,
        "initial_cid_num": party.number,
        "initial_ip_addr": party.address,
        "initial_dest": party.dialled,
        "initial_dialplan": "XML",
        "initial_context": party.context,
    }


def _call(leg: Leg) -> dict[str, str]:
    row = {name: text for name, text in _channel(leg).items() if name not in _ONLY_CHANNELS}
    other = row if leg.peer is None else _channel(leg.peer)
    for name in row.copy():
        if name not in _NOT_OF_THE_OTHER:
            row[f"b_{name}"] = "" if leg.peer is None else other[name]
    row["call_created_epoch"] = "" if leg.peer is None else str(leg.times.bridged // 1_000_000)
    return row
