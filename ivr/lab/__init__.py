"""The embedded lab switch: speaks the event socket, makes real WAV files, places calls."""

from ivr.lab.call import CallOutcome, LabCall
from ivr.lab.clock import TurnedClock
from ivr.lab.dialplan import PICK_UP, Dialplan, as_extensions, dialplan_for, read_dialplan
from ivr.lab.moment import Moment
from ivr.lab.queue import LabQueue, QueueAgent, read_queues
from ivr.lab.script import CallScript, Destination
from ivr.lab.session import Action
from ivr.lab.switch import LabSwitch

__all__ = [
    "PICK_UP",
    "Action",
    "CallOutcome",
    "CallScript",
    "Destination",
    "Dialplan",
    "LabCall",
    "LabQueue",
    "LabSwitch",
    "Moment",
    "QueueAgent",
    "TurnedClock",
    "as_extensions",
    "dialplan_for",
    "read_dialplan",
    "read_queues",
]
