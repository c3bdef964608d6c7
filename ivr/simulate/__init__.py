"""Described calls, played through the real engine and the lab switch while no real time passes."""

from ivr.simulate.playing import Played, play
from ivr.simulate.script import Script, read_script

__all__ = ["Played", "Script", "play", "read_script"]
