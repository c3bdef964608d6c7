"""What would happen to a call, step by step, and where that is written (R9, R20)."""

from ivr.explain.explaining import explain
from ivr.explain.explanation import Explanation, Step, Verdict

__all__ = ["Explanation", "Step", "Verdict", "explain"]
