"""``ivr demo``: the engine and the lab switch in one process, calls placed, results checked."""

from ivr.demo.show import run

__all__ = ["run"]
