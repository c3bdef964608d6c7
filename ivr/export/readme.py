"""The page in an evidence bundle that says what it is and how anybody checks it (R16)."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.config.mistakes import printable
from ivr.storage.record_schema import RecordModel

_PAGE = """\
EVIDENCE BUNDLE

Call       {call}
Case       {case}
Made       {at}, asked for by {who}
Recorded   {began} to {ended} (team {team}, policy version {policy})

What is here
  {audio}
  record.json          what the recording system wrote when the call ended
  audit.jsonl          who did what with this recording, one line each
  public-key.pem       the key that the signature is checked with
  manifest.sha256      the hash of each file
  manifest.sha256.sig  the signature of manifest.sha256 (Ed25519)

How to check it
  You need sha256sum (on macOS: shasum -a 256) and OpenSSL 3. In this folder:

  1. No file was changed:

     sha256sum -c manifest.sha256

     Each line must end with OK.

  2. The list of hashes is the one that was signed:

     openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.sha256 -sigfile manifest.sha256.sig

     It must say: Signature Verified Successfully

  3. The key is the organisation's. Anybody can make a key: ask the organisation for the
     fingerprint of its key, not by the way this bundle came, and compare it with:

     openssl pkey -pubin -in public-key.pem -outform DER | sha256sum

     It must be: {fingerprint}

  4. The audio is the one of the call. {exact}

What to know
  Where there are two channels, each has one side of the conversation.
{pauses}
"""  # noqa: E501  # a command on one line can be copied

_EXACT = """Its hash, in manifest.sha256, is the one in record.json
     under recording, parts, sha256, which was made when the call ended."""
_NOT_EXACT = """It was kept in the format Opus, which loses
     a little of the sound: its hash is not the one in record.json, which is of the file as it
     was recorded and is not kept any more."""


def readme(  # the parts of one page
    record: RecordModel,
    case: str,
    who: str,
    at: str,
    audio: Sequence[str],
    fingerprint: str,
) -> str:
    """The page, in English, lines ending with LF."""
    exact = all(name.endswith(".wav") for name in audio)
    return _PAGE.format(
        call=record.call,
        case=case,
        at=at,
        who=printable(who),
        began=record.recording.started_at or record.arrived_at,
        ended=record.ended_at,
        team=printable(record.team),
        policy=printable(record.policy_version),
        audio="\n  ".join(audio),
        fingerprint=fingerprint,
        exact=_EXACT if exact else _NOT_EXACT,
        pauses=_pauses(record),
    )


def _pauses(record: RecordModel) -> str:
    paused = [pause for pause in record.recording.pauses if pause.part]
    if not paused:
        return "  The recording was never paused."
    lines = [
        "  The recording was paused, as while payment details are given. It is silent there, and",
        "  what was said was never kept:",
    ]
    lines += [
        f"    from {each.start_ms / 1000:.3f} s to {each.end_ms / 1000:.3f} s" for each in paused
    ]
    return "\n".join(lines)
