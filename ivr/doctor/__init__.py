"""``ivr doctor`` and ``ivr recover``: whether all is in place, and what a start would take up.

Everything here only looks. A check is a function from a :class:`ivr.doctor.patient.Patient` to
a :class:`ivr.doctor.finding.Finding`; all of them stand in ``ivr.doctor.checks``.
"""
