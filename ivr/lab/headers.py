"""What FreeSWITCH puts into its events: names and usual values, as tables.

``$name`` in a value stands for a field of the leg (:func:`fields` of the leg's module
gives them). Values are not encoded here. The names are those that a FreeSWITCH 1.10.12
with a SIP profile showed; tests compare them with recorded conversations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

_NOTHING = Template("")


@dataclass(frozen=True, slots=True)
class Row:
    """One header of a table, prepared so that filling it is cheap."""

    name: str
    constant: str | None = None
    """The value, where it is always the same."""
    field: str | None = None
    """The field that is the value, where it is just one."""
    text: Template = _NOTHING
    """The value otherwise."""


Table = tuple[Row, ...]


def _row(name: str, text: str) -> Row:
    if "$" not in text:
        return Row(name, constant=text)
    whole = re.fullmatch(r"\$(\w+)", text)
    return Row(name, field=whole[1]) if whole else Row(name, text=Template(text))


def _table(text: str) -> Table:
    rows = (line.split(":", 1) for line in text.strip().splitlines())
    return tuple(_row(name.strip(), value.strip()) for name, value in rows)


def fill(table: Table, fields: Mapping[str, str], prefix: str = "") -> list[tuple[str, str]]:
    """The rows of a table with the fields put in; rows of no value are left out."""
    found = []
    for row in table:
        if row.constant is not None:
            value = row.constant
        elif row.field is not None:
            value = fields[row.field]
        else:
            value = row.text.safe_substitute(fields)
        if value:
            found.append((prefix + row.name, value))
    return found


SWITCH = (
    ("FreeSWITCH-Hostname", "lab"),
    ("FreeSWITCH-Switchname", "lab"),
    ("FreeSWITCH-IPv4", "127.0.0.1"),
    ("FreeSWITCH-IPv6", "::1"),
)
"""Headers that name the switch, in every event, after its ``Core-UUID``."""

CALLING = {
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", "3846"),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1689"),
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", "2021"),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", "2957"),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", "2967"),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", "3445"),
    "CHANNEL_HANGUP_COMPLETE": (
        "switch_core_state_machine.c",
        "switch_core_session_reporting_state",
        "943",
    ),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1879"),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", "677"),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", "1646"),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", "2020"),
    "RECORD_START": ("switch_ivr_async.c", "record_callback", "1481"),
    "RECORD_STOP": ("switch_ivr_async.c", "send_record_stop_event", "1240"),
}
"""Where in FreeSWITCH's source an event comes from: file, function, line."""

CALLING_ELSE = ("switch_core.c", "lab", "1")
"""For events that no recorded conversation shows."""

CHANNEL = _table("""
Channel-State: $state
Channel-Call-State: $callstate
Channel-State-Number: $state_number
Channel-Name: $channel
Unique-ID: $uuid
Call-Direction: $direction
Presence-Call-Direction: $direction
Channel-HIT-Dialplan: $hit_dialplan
Channel-Call-UUID: $call_uuid
Answer-State: $answer_state
Hangup-Cause: $hangup_cause
""")
"""The channel's own headers."""

CODECS = _table("""
Channel-Read-Codec-Name: $codec
Channel-Read-Codec-Rate: $rate
Channel-Read-Codec-Bit-Rate: 64000
Channel-Write-Codec-Name: $codec
Channel-Write-Codec-Rate: $rate
Channel-Write-Codec-Bit-Rate: 64000
""")
"""Once there is audio."""

PROFILE = _table("""
Direction: $direction
Logical-Direction: $logical_direction
Username: $username
Dialplan: $dialplan
Caller-ID-Name: $name
Caller-ID-Number: $number
Orig-Caller-ID-Name: $name
Orig-Caller-ID-Number: $number
Callee-ID-Name: $callee_name
Callee-ID-Number: $callee_number
Network-Addr: $address
ANI: $number
Destination-Number: $dialled
Unique-ID: $uuid
Source: mod_sofia
Transfer-Source: $transfer_source
Context: $context
RDNIS: $rdnis
Channel-Name: $channel
Profile-Index: $profile_index
Profile-Created-Time: $profile_us
Channel-Created-Time: $created_us
Channel-Answered-Time: $answered_us
Channel-Progress-Time: $progress_us
Channel-Progress-Media-Time: $media_us
Channel-Hangup-Time: $hangup_us
Channel-Transfer-Time: 0
Channel-Resurrect-Time: 0
Channel-Bridged-Time: $bridged_us
Channel-Last-Hold: 0
Channel-Hold-Accum: 0
Screen-Bit: true
Privacy-Hide-Name: false
Privacy-Hide-Number: false
""")
"""A caller profile: prefixed ``Caller-``, ``Channel-`` or ``Other-Leg-``."""

_SDP = (
    "v=0\\r\\no=FreeSWITCH $sdp 1 IN IP4 $address\\r\\ns=FreeSWITCH\\r\\nc=IN IP4 $address\\r\\n"
    "t=0 0\\r\\nm=audio $PORT RTP/AVP 0 101\\r\\na=rtpmap:0 PCMU/8000\\r\\n"
    "a=rtpmap:101 telephone-event/8000\\r\\na=ptime:20\\r\\n"
).replace("\\r\\n", "\r\n")


def _sdp(name: str, port: str) -> Row:
    return Row(name, text=Template(_SDP.replace("$PORT", port)))


INVITED = (
    *_table("""
direction: inbound
uuid: $uuid
session_id: $session
sip_from_user: $number
sip_from_uri: $number@$host
sip_from_host: $host
video_media_flow: disabled
audio_media_flow: disabled
text_media_flow: disabled
channel_name: $channel
sip_call_id: $sip_call_id
sip_local_network_addr: $address
sip_network_ip: $address
sip_network_port: 5080
sip_invite_stamp: $created_us
sip_received_ip: $address
sip_received_port: 5080
sip_via_protocol: udp
sip_from_user_stripped: $number
sip_from_tag: $from_tag
sofia_profile_name: lab
sofia_profile_url: sip:mod_sofia@$host:5080
recovery_profile_name: lab
sip_Remote-Party-ID: "$name" <sip:$number@$host>;party=calling;screen=yes;privacy=off
sip_cid_type: rpid
sip_full_via: SIP/2.0/UDP $address:5080;rport=5080;branch=z9hG4bK$branch
sip_from_display: $name
sip_full_from: "$name" <sip:$number@$host>;tag=$from_tag
sip_full_to: <sip:$dialled@$host:5080>
sip_allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY
sip_req_user: $dialled
sip_req_port: 5080
sip_req_uri: $dialled@$host:5080
sip_req_host: $host
sip_to_user: $dialled
sip_to_port: 5080
sip_to_uri: $dialled@$host:5080
sip_to_host: $host
sip_contact_user: mod_sofia
sip_contact_port: 5080
sip_contact_uri: mod_sofia@$host:5080
sip_contact_host: $host
rtp_use_codec_string: PCMU,PCMA
sip_user_agent: lab telephone/1.0
sip_via_host: $address
sip_via_port: 5080
sip_via_rport: 5080
max_forwards: 70
"""),
    _sdp("switch_r_sdp", "20000"),
    *_table("""
ep_codec_string: CORE_PCM_MODULE.PCMU@8000h@20i@64000b,CORE_PCM_MODULE.PCMA@8000h@20i@64000b
endpoint_disposition: DELAYED NEGOTIATION
call_uuid: $uuid
"""),
)
"""Channel variables of a call that comes in by SIP."""

ANSWERED = (
    *_table("""
remote_video_media_flow: inactive
remote_text_media_flow: inactive
remote_audio_media_flow: sendrecv
audio_media_flow: sendrecv
rtp_audio_recv_pt: 0
rtp_use_codec_name: $codec
rtp_use_codec_rate: $rate
rtp_use_codec_ptime: 20
rtp_use_codec_channels: 1
rtp_last_audio_codec_string: $codec@${rate}h@20i@1c
read_codec: $codec
original_read_codec: $codec
read_rate: $rate
original_read_rate: $rate
write_codec: $codec
write_rate: $rate
dtmf_type: rfc2833
local_media_ip: $address
local_media_port: $media_port
advertised_media_ip: $address
rtp_use_timer_name: soft
rtp_use_pt: 0
rtp_use_ssrc: $ssrc
rtp_2833_send_payload: 101
rtp_2833_recv_payload: 101
remote_media_ip: $address
remote_media_port: 20000
endpoint_disposition: EARLY MEDIA
"""),
    _sdp("rtp_local_sdp_str", "$media_port"),
)
"""Set when a leg is answered."""

ACKNOWLEDGED = _table("""
sip_to_tag: $to_tag
sip_cseq: 123179134
sip_full_via: SIP/2.0/UDP $address:5080;rport=5080;branch=z9hG4bK$branch.ack
sip_full_to: <sip:$dialled@$host:5080>;tag=$to_tag
""")
"""Set when the caller's ACK comes, a moment after the answer."""

CALLED = (
    *_table("""
direction: outbound
is_outbound: true
uuid: $uuid
session_id: $session
sip_profile_name: lab
text_media_flow: disabled
channel_name: $channel
sip_destination_url: sip:$dialled@$host:5080
sip_cid_type: rpid
max_forwards: 69
originator_codec: $codec@${rate}h@20i
originator: $originator
signal_bond: $originator
call_uuid: $call_uuid
originate_early_media: true
originating_leg_uuid: $originator
originate_endpoint: sofia
audio_media_flow: sendrecv
video_media_flow: inactive
sip_outgoing_contact_uri: <sip:mod_sofia@$host:5080>
sip_req_uri: $dialled@$host:5080
sofia_profile_name: lab
recovery_profile_name: lab
sofia_profile_url: sip:mod_sofia@$host:5080
sip_local_network_addr: $address
sip_from_host: $host
sip_to_host: $host
rtp_use_codec_string: PCMU@8000h@20i
local_media_ip: $address
local_media_port: $media_port
advertised_media_ip: $address
"""),
    _sdp("switch_m_sdp", "20000"),
    _sdp("rtp_local_sdp_str", "$media_port"),
)
"""Channel variables of a leg that the switch calls."""

CALLED_ANSWERED = (
    *_table("""
sip_reply_host: $address
sip_reply_port: 5080
sip_network_ip: $address
sip_network_port: 5080
sip_allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY
sip_recover_contact: <sip:$dialled@$host:5080;transport=udp>
sip_full_via: SIP/2.0/UDP $address:5080;rport=5080;branch=z9hG4bK$branch
sip_recover_via: SIP/2.0/UDP $address:5080;rport=5080;branch=z9hG4bK$branch
sip_from_display: $name
sip_full_from: "$name" <sip:$number@$host>;tag=$from_tag
sip_full_to: <sip:$dialled@$host:5080>;tag=$to_tag
sip_from_user: $number
sip_from_uri: $number@$host
sip_to_user: $dialled
sip_to_port: 5080
sip_to_uri: $dialled@$host:5080
sip_contact_params: transport=udp
sip_contact_user: $dialled
sip_contact_port: 5080
sip_contact_uri: $dialled@$host:5080
sip_contact_host: $host
sip_user_agent: lab telephone/1.0
sip_to_tag: $to_tag
sip_from_tag: $from_tag
sip_cseq: 123196695
sip_call_id: $sip_call_id
ep_codec_string: CORE_PCM_MODULE.PCMU@8000h@20i@64000b
"""),
    _sdp("switch_r_sdp", "20000"),
)
"""Set on a leg that the switch called when it is answered."""

HUNG_UP_BY_PEER = _table("""
sip_reason: Q.850;cause=16;text="NORMAL_CLEARING"
sip_term_status: 200
proto_specific_hangup_cause: sip:200
sip_term_cause: 16
""")
"""Set when the far end of this leg sends BYE."""

OTHER_HUNG_UP = _table("""
sip_reason: Q.850;cause=16;text="NORMAL_CLEARING"
sip_hangup_phrase: OK
last_bridge_hangup_cause: $cause
last_bridge_proto_specific_hangup_cause: sip:200
""")
"""Set on a leg when the leg it was bridged to got a BYE."""

RTP_STATISTICS = _table("""
rtp_audio_in_raw_bytes: $bytes
rtp_audio_in_media_bytes: $bytes
rtp_audio_in_packet_count: $packets
rtp_audio_in_media_packet_count: $packets
rtp_audio_in_skip_packet_count: 0
rtp_audio_in_jitter_packet_count: 0
rtp_audio_in_dtmf_packet_count: 0
rtp_audio_in_cng_packet_count: 0
rtp_audio_in_flush_packet_count: 0
rtp_audio_in_largest_jb_size: 0
rtp_audio_in_jitter_min_variance: 0.00
rtp_audio_in_jitter_max_variance: 0.00
rtp_audio_in_jitter_loss_rate: 0.00
rtp_audio_in_jitter_burst_rate: 0.00
rtp_audio_in_mean_interval: 20.00
rtp_audio_in_flaw_total: 0
rtp_audio_in_quality_percentage: 100.00
rtp_audio_in_mos: 4.50
rtp_audio_out_raw_bytes: $bytes
rtp_audio_out_media_bytes: $bytes
rtp_audio_out_packet_count: $packets
rtp_audio_out_media_packet_count: $packets
rtp_audio_out_skip_packet_count: 0
rtp_audio_out_dtmf_packet_count: 0
rtp_audio_out_cng_packet_count: 0
rtp_audio_rtcp_packet_count: 0
rtp_audio_rtcp_octet_count: 0
""")
"""The last report of a leg that had audio."""
