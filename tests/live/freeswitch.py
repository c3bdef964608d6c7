"""A FreeSWITCH of the tests' own: found, configured, started on loopback, and stopped.

Its callers and agents are legs of the same FreeSWITCH, over real SIP and RTP
(docs/freeswitch.md 26): a caller is a tone of 440 Hz, an agent one of 880, a payment line
(1500) and whoever staff call (07...) one of 1200.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from ivr.config.load import load
from ivr.config.render import render

PASSWORD = "only-for-tests"
_RTP_PORTS = 2_000
"""For each FreeSWITCH, below those that the host gives to whoever asks for any."""
_TONE = "tone_stream://%(1000,0,{hz});loops=-1"

_XML = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <section name="configuration">
    <configuration name="switch.conf"><settings>
      <param name="max-sessions" value="2000"/>
      <param name="sessions-per-second" value="400"/>
      <param name="loglevel" value="{log_level}"/>
      <param name="rtp-start-port" value="{rtp_from}"/>
      <param name="rtp-end-port" value="{rtp_to}"/>
      <param name="switchname" value="live-test"/>
    </settings></configuration>
    <configuration name="modules.conf"><modules>{modules}</modules></configuration>
    <configuration name="logfile.conf"><settings/><profiles><profile name="default">
      <settings><param name="logfile" value="{folder}/log/freeswitch.log"/></settings>
      <mappings><map name="all" value="{log_levels}"/></mappings>
    </profile></profiles></configuration>
    <configuration name="event_socket.conf"><settings>
      <param name="listen-ip" value="127.0.0.1"/><param name="listen-port" value="{esl}"/>
      <param name="password" value="{password}"/><param name="apply-inbound-acl" value="here"/>
    </settings></configuration>
    <configuration name="acl.conf"><network-lists><list name="here" default="deny">
      <node type="allow" cidr="127.0.0.0/8"/>
    </list></network-lists></configuration>
    <configuration name="xml_cdr.conf"><settings>
      <param name="log-dir" value="{folder}/cdr"/><param name="log-b-leg" value="true"/>
      <param name="prefix-a-leg" value="true"/>
    </settings></configuration>
    <configuration name="spandsp.conf"><fax-settings/></configuration>
    <configuration name="sofia.conf"><global_settings/><profiles><profile name="lab"><settings>
      <param name="context" value="public"/><param name="dialplan" value="XML"/>
      <param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/>
      <param name="sip-port" value="{sip}"/><param name="auth-calls" value="false"/>
      <param name="codec-prefs" value="PCMU,PCMA,L16@16000h"/><param name="rfc2833-pt" value="101"/>
      <param name="rtp-timer-name" value="soft"/><param name="dtmf-duration" value="2000"/>
      <param name="apply-inbound-acl" value="here"/>
      <param name="inbound-late-negotiation" value="true"/>
      <param name="manage-presence" value="false"/>
    </settings></profile>{desk}</profiles></configuration>
    {configuration}
  </section>
  <section name="dialplan"><context name="public">
    <extension name="caller">
      <condition field="destination_number" expression="^caller$">
        <action application="set" data="playback_terminators=none"/>
        <action application="playback" data="{caller_tone}"/>
      </condition>
    </extension>
    <extension name="busy"><condition field="destination_number" expression="^busy$">
      <action application="respond" data="486"/></condition></extension>
    <extension name="late-busy"><condition field="destination_number" expression="^busy-(\\d+)$">
      <action application="ring_ready"/><action application="sleep" data="$1"/>
      <action application="respond" data="486"/></condition></extension>
    <extension name="nobody"><condition field="destination_number" expression="^nobody$">
      <action application="respond" data="404"/></condition></extension>
    <extension name="silent"><condition field="destination_number" expression="^silent$">
      <action application="ring_ready"/><action application="sleep" data="60000"/>
    </condition></extension>
    <extension name="transferred">
      <condition field="${{ivr_route}}" expression="^.+$"/>
      <condition field="destination_number" expression="^(1500|agent-\\d+-\\d+)$">
        <action application="bridge" data="sofia/lab/$1@127.0.0.1:{sip}"/>
      </condition>
    </extension>
    <extension name="somebody">
      <condition field="destination_number" expression="^(1500|07\\d+)$">
        <action application="set" data="digits_dialed_filter=^(.+)$"/>
        <action application="answer"/>
        <action application="set" data="playback_terminators=none"/>
        <action application="playback" data="{other_tone}"/>
      </condition>
    </extension>
    <extension name="pick-up">
      <condition field="destination_number" expression="^pickup-(.+)$">
        <action application="answer"/>
        <action application="intercept" data="$1"/>
      </condition>
    </extension>
    <extension name="colleague">
      <condition field="destination_number" expression="^colleague$">
        <action application="set" data="playback_terminators=none"/>
        <action application="playback" data="{agent_tone}"/>
      </condition>
    </extension>
    <extension name="consultation">
      <condition field="destination_number" expression="^consult-(.+)$">
        <action application="bridge" data="sofia/lab/$1@127.0.0.1:{sip}"/>
      </condition>
    </extension>
    <extension name="staff">
      <condition field="destination_number" expression="^staff-(\\d+)$">
        <action application="transfer" data="$1 XML default"/>
      </condition>
    </extension>
    <extension name="agent">
      <condition field="destination_number" expression="^agent-(\\d+)-(\\d+)$">
        <action application="set" data="digits_dialed_filter=^(.+)$"/>
        <action application="ring_ready"/><action application="sleep" data="$1"/>
        <action application="answer"/>
        <action application="sched_hangup" data="+$2 normal_clearing"/>
        <action application="set" data="playback_terminators=none"/>
        <action application="playback" data="{agent_tone}"/>
      </condition>
    </extension>
    {telephones}
    {extensions}
  </context><context name="default">{extensions}{features}</context></section>
</document>
"""
_DESK = """<profile name="desk"><settings>
      <param name="context" value="default"/><param name="dialplan" value="XML"/>
      <param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/>
      <param name="sip-port" value="{port}"/><param name="auth-calls" value="false"/>
      <param name="codec-prefs" value="PCMU,PCMA,L16@16000h"/><param name="rfc2833-pt" value="101"/>
      <param name="rtp-timer-name" value="soft"/><param name="dtmf-duration" value="2000"/>
      <param name="apply-inbound-acl" value="here"/>
      <param name="inbound-late-negotiation" value="true"/>
      <param name="manage-presence" value="false"/>
    </settings></profile>"""
"""Where telephones of staff call, in the context of their own."""


class More(NamedTuple):
    """What a FreeSWITCH has besides the usual."""

    modules: str = ""
    configuration: str = ""
    """Of those modules."""
    telephones: str = ""
    """Extensions in the context of callers, before those of routes."""
    features: str = ""
    """The same where staff dial, after them."""


_MODULES = (
    "console logfile event_socket sofia loopback commands dptools dialplan_xml sndfile"
    " native_file tone_stream spandsp hash db xml_cdr"
)


_NO_MORE = More()


def installed() -> Path | None:
    """The program: by FREESWITCH_PREFIX, on PATH, or in /usr/local/freeswitch."""
    prefix = os.environ.get("FREESWITCH_PREFIX")
    for where in (prefix, "/usr/local/freeswitch"):
        if where and (program := Path(where) / "bin" / "freeswitch").exists():
            return program
    found = shutil.which("freeswitch")
    return Path(found) if found else None


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing has now, for TCP and UDP."""
    held: list[socket.socket] = []
    ports: list[int] = []
    while len(ports) < count:
        tcp = socket.socket()
        tcp.bind(("127.0.0.1", 0))
        udp = socket.socket(type=socket.SOCK_DGRAM)
        held += [tcp, udp]
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        ports.append(tcp.getsockname()[1])
    for each in held:
        each.close()
    return ports


class FreeSwitch:
    """A FreeSWITCH that can be killed and started again."""

    _rtp_from = itertools.count(10_000, _RTP_PORTS)

    def __init__(
        self,
        program: Path,
        folder: Path,
        site: Path,
        esl: int,
        sip: int,
        log_level: str,
        log_levels: str,
        desk: int = 0,
        more: More = _NO_MORE,
    ) -> None:
        """``desk`` is the port where telephones of staff call; 0 for none."""
        self.folder = folder
        self.esl = esl
        self.sip = sip
        self.desk = desk
        for name in ("log", "db", "run", "cdr"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        extensions = render(load(site), whole_context=False)
        extensions = extensions.replace("<include>", "").replace("</include>", "")
        rtp_from = next(self._rtp_from)
        modules = f"{_MODULES} {more.modules}"
        text = _XML.format(
            folder=folder,
            modules="".join(f'<load module="mod_{name}"/>' for name in modules.split()),
            password=PASSWORD,
            esl=esl,
            sip=sip,
            rtp_from=rtp_from,
            rtp_to=rtp_from + _RTP_PORTS - 1,
            caller_tone=escape(_TONE.format(hz=440)),
            agent_tone=escape(_TONE.format(hz=880)),
            other_tone=escape(_TONE.format(hz=1200)),
            extensions=extensions,
            desk=_DESK.format(port=desk) if desk else "",
            configuration=more.configuration,
            telephones=more.telephones,
            features=more.features,
            log_level=log_level,
            log_levels=log_levels,
        )
        (folder / "freeswitch.xml").write_text(text)
        where = ("-conf", str(folder), "-log", f"{folder}/log", "-db", f"{folder}/db")
        self._command = [str(program), "-nf", "-nc", "-nonat", *where, "-run", f"{folder}/run"]
        self.start()

    def start(self) -> None:
        """Start it, or one more of the same after it was killed."""
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()
