"""A right configuration of the retention layer in a folder of its own, which tests then spoil."""

from __future__ import annotations

import os
from pathlib import Path

RECIPIENT = "age1q4fn6ekxq8me82hjzx0u2mcraeeecn5cldhk6xwplnyze0v2f35qzxquz4"

GOOD = {
    "deploy/retention.yaml": f"""\
spools: [../var/spool, ../var/spool-2]
state: ../var/retention
time_zone: Europe/London
archive: ../var/archive
format: flac
sealing:
  recipients: ["{RECIPIENT}"]
  index_key: index.key
  identity: identity.txt
index: "sqlite:///../var/index.sqlite"
socket: ../run/socket
http:
  listen: "127.0.0.1:9185"
mail:
  host: mail.council.example
  security: starttls
  user: recordings
  password_file: mail.password
  sender: recordings@council.example
  timeout: "30s"
  largest: "20MB"
  give_up: "24h"
  ca_file: ca.pem
  templates: mail
  format: mp3
checkpoints:
  key: audit.key
  every: 500
  copies: ../elsewhere
aside_keep: "90 days"
""",
    "deploy/schedule.yaml": """\
version: "2.0"
date: "2026-01-05"
officer: Assistant Director
rules:
  - {name: recordings, keep: "6 months"}
  - {name: complaints, case: complaint, keep: "2 years"}
  - {name: abuse, case: abuse, keep: "12 months"}
  - {name: disciplinary, case: disciplinary, keep: "12 months"}
  - {name: council-tax, team: council-tax, keep: "90 days"}
  - {name: old-policy, policy: "1.0", keep: "12 months"}
marks:
  abuse: abuse
""",
    "deploy/access.yaml": """\
roles:
  officer:
    may: [search, listen, case-open]
    teams: all
  manager:
    may: [search, listen]
    teams: own
    reason: optional
  tax:
    may: [show]
    teams: [council-tax, benefits]
  people:
    may: [listen, evidence]
    teams: all
    cases: [disciplinary]
people:
  - {user: anna, name: Anna, roles: [officer, tax]}
  - {user: bert, name: Bert, roles: [manager], teams: [council-tax]}
  - {user: "token:desk", name: The desk, roles: [officer]}
groups:
  ivr-officers: [officer]
tokens: tokens.json
""",
    "deploy/mail/en-GB.yaml": "subject: Your call\n",
    "deploy/ca.pem": "-----BEGIN CERTIFICATE-----\n",
    "deploy/mail.password": "secret of the mail\n",
    "deploy/index.key": "0123456789abcdef0123456789abcdef",
    "deploy/index.password": "secret of the index\n",
    "deploy/identity.txt": "AGE-SECRET-KEY-1\n",
    "deploy/audit.key": "a key\n",
    "deploy/s3.credentials": "[default]\naws_access_key_id = a\naws_secret_access_key = b\n",
}
"""The text of each file."""

SECRET = ("mail.password", "index.key", "index.password", "identity.txt", "audit.key")


def build(root: Path) -> Path:
    """Write the right configuration below the folder; its retention.yaml."""
    for name, text in GOOD.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        closed = path.name in (*SECRET, "s3.credentials")
        os.chmod(path, 0o640 if closed else 0o644)
    return root / "deploy/retention.yaml"
