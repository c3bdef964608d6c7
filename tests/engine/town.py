"""A town whose callers pay by card, and whose staff call out: what the dialplan's files say."""

from __future__ import annotations

from tests.engine import site

PAY_BY_PHONE = "01427676699"
"""A route straight to the payment line."""

DESTINATIONS = """\
desk:
  dial: "sofia/lab/desk"
pay:
  dial: "sofia/lab/pay"
  payment_line: true
outside:
  dial: "sofia/lab/$number"
"""
ROUTES = f"""\
- name: main-line
  numbers: ["{site.NUMBER}"]
  team: customer-services
  destination: desk
- name: pay-by-phone
  numbers: ["{PAY_BY_PHONE}"]
  team: customer-services
  destination: pay
- name: staff
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  team: customer-services
  destination: outside
"""
