"""Every fault that can be scripted, by name, and the book that says which request gets which.

A kind belongs to one family, and the family says at which layer it acts:

    connection   the socket: resets, hangs, drips, bytes that are not HTTP
    refusal      another answer in place of the provider's, in that provider's error dialect
    reply        the provider's own answer, twisted after it was made
    fate         how an accepted job goes; bound to the job, so later polls agree with it
    file         what a result picture's address serves

Families `refusal` and `fate` decide whether a submit is charged; `connection` kinds are charged
unless their name says the body was never taken.
"""

import threading
from dataclasses import dataclass
from typing import Literal

Family = Literal["connection", "refusal", "reply", "fate", "file"]
Phase = Literal["submit", "poll", "result", "download", "upload", "catalogue"]

PHASES: tuple[Phase, ...] = ("submit", "poll", "result", "download", "upload", "catalogue")
PROVIDERS = ("pixeldojo", "pixazo", "segmind")
API_PHASES: tuple[Phase, ...] = ("submit", "poll", "result", "upload", "catalogue")

CONNECTION = {
    "reset_before_body": "reset as soon as the headers are in; nothing accepted",
    "reset_during_body": "reset after the first piece of the body; nothing accepted",
    "reset_after_body": "the request is carried out (and charged), then reset without a reply",
    "reset_in_headers": "carried out, half a status line, reset",
    "reset_mid_reply": "carried out, headers and half the body, reset",
    "close_without_reply": "carried out, then an orderly close without a reply",
    "cut_reply": "carried out, half the promised bytes, orderly close",
    "hang_unaccepted": "the body is read and nothing ever happens",
    "hang_before_reply": "carried out, the reply never comes",
    "hang_mid_reply": "carried out, half the body, then silence",
    "slow_drip": "carried out, one byte of the body at a time",
    "not_http": "carried out, bytes that are not HTTP",
    "endless_reply": "carried out, a body that never ends",
}

REFUSED_STATUSES = (400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 422, 425, 429)
BROKEN_STATUSES = (500, 502, 503, 504)
RETRY_AFTER = ("seconds", "date", "past", "negative", "huge", "garbage")

REFUSAL = (
    {
        f"status_{status}": f"answers {status}; nothing accepted"
        for status in (*REFUSED_STATUSES, *BROKEN_STATUSES)
    }
    | {
        f"status_{status}_retry_after_{form}": f"answers {status} with Retry-After: {form}"
        for status in (429, 503)
        for form in RETRY_AFTER
    }
    | {f"charged_{status}": f"carried out, then {status}" for status in BROKEN_STATUSES}
    | {
        "status_429_reset_header": "429 with the provider's own reset header and no Retry-After",
        "html_405": "an HTML page with 405",
        "html_502": "an HTML page with 502",
        "no_credits": "the provider's words for an empty account",
        "no_credits_403": "an empty account as 403 (PixelDojo's older contract)",
        "spend_limit": "the spend limit is reached (Segmind says 406)",
        "content_type_refused": "the content type is refused (Segmind says 406)",
        "key_echo_401": "401 whose body repeats the key that was sent",
        "key_echo_500": "500 whose body and headers repeat the key that was sent",
        "hostile_error_text": "400 whose text gives orders to a language model",
        "error_string": "400 with error as text",
        "error_object": "400 with error as an object",
        "error_null": "400 with error null",
        "error_empty": "400 without a body",
        "redirect_302_elsewhere": "302 to another host",
        "redirect_307_elsewhere": "307 (keeps method and body) to another host",
    }
)

REPLY_ANYWHERE = {
    "truncated_json": "valid JSON cut in the middle",
    "html_instead": "an HTML page with the success status",
    "empty_body": "the success status and no body",
    "json_null": "null",
    "json_list": "a list where an object belongs",
    "json_number": "a bare number",
    "wrong_types": "every value of another type",
    "invalid_utf8": "bytes that are not UTF-8",
    "nan_json": "NaN and Infinity as numbers",
    "deep_json": "20,000 nested lists",
    "huge_json": "a 12 MB text field added",
    "odd_content_type": "right JSON, called text/plain",
    "unknown_fields": "fields nobody documented, beside the right ones",
    "status_missing": "no status word",
    "id_missing": "no job id",
    "id_wrong_type": "a job id that is a number",
    "id_empty": "a job id of no characters",
    "id_dotdot": "a job id with ../ in it",
    "id_newline": "a job id with CR and LF in it",
    "id_huge": "a job id of 100,000 characters",
}
REPLY_TO_SUBMIT = {
    "id_duplicate": "the id of the account's previous job",
    "foreign_status_url": "a status URL on another host",
    "status_url_metadata": "a status URL on 169.254.169.254",
    "expires_at_missing": "no expiresAt",
    "prediction_style": "Pixazo's older contract: prediction_id instead of request_id",
    "v1_json_url": "Segmind v1 answering JSON with an address",
    "v1_json_base64": "Segmind v1 answering JSON with the picture inside",
}
REPLY_TO_POLL = {
    "unknown_status_once": "one unknown status word",
    "id_of_another": "the answer speaks of another job",
}
REPLY_TO_UPLOAD = {
    "upload_file_urls": "the addresses under file_urls (the vendor's SDK) instead of urls",
    "upload_no_urls": "no address",
    "upload_foreign_url": "an address on 169.254.169.254",
}

FATE = {
    "failed_error_string": "fails, error is text",
    "failed_error_object": "fails, error is an object",
    "failed_error_null": "fails, error is null",
    "failed_error_missing": "fails, no error field",
    "failed_content": "fails, the text says the content was refused",
    "failed_hostile_text": "fails, the text gives orders to a language model",
    "system_error": "Pixazo ERROR: a failure that is not charged",
    "cancelled": "the provider cancels it",
    "done_on_submit": "finished in the reply to the submit",
    "failed_on_submit": "failed in the reply to the submit",
    "queued_forever": "never leaves the queue",
    "running_forever": "never finishes",
    "unknown_status_then_done": "two polls of an unknown status word, then done",
    "unknown_status_forever": "an unknown status word for ever",
    "status_backwards": "queued, running, queued, running, then done",
    "expired_mid_poll": "the record is gone from the second poll on",
    "output_missing": "done, no output field",
    "output_null": "done, output null",
    "output_number": "done, output a number",
    "output_string": "done, output one address as text",
    "output_list": "done, output a list of addresses",
    "output_object": "done, output {image: address}",
    "zero_images": "done, an empty list of images",
    "twelve_images": "done, twelve images",
    "output_url_metadata": "done, the picture is on 169.254.169.254",
    "output_url_private": "done, the picture is on a private address",
    "output_url_file": "done, the picture is a file: address",
    "output_url_foreign": "done, the picture is on a host nobody configured",
    "output_url_userinfo": "done, the picture's address carries a user name",
    "output_url_empty": "done, the picture's address is empty",
    "timestamps_mixed": "timestamps in two forms (the webhook sample)",
    "timestamps_missing": "no timestamps",
    "timestamps_skewed": "timestamps a year ahead",
    "expires_at_past": "expiresAt an hour ago",
}

FILE = {
    "file_expired": "403 with the object store's XML",
    "file_html": "an HTML page with 200",
    "file_text_as_png": "text called image/png",
    "file_svg": "an SVG with a script",
    "file_bomb": "a small PNG of 400 megapixels",
    "file_empty": "200 and no bytes",
    "file_truncated": "half a picture, its length honestly stated",
    "file_octet_stream": "the picture called application/octet-stream",
    "file_other_format": "a JPEG called image/png",
    "file_with_instructions": "a PNG whose metadata gives orders to a language model",
    "file_gzip": "the picture under Content-Encoding: gzip",
    "file_no_length": "the picture without a Content-Length",
    "file_redirect": "one honest redirect to the same picture",
    "file_redirect_loop": "redirects to itself",
    "file_redirect_metadata": "redirects to 169.254.169.254",
    "file_redirect_private": "redirects to a private address",
    "file_tiny": "a picture of 1x1 pixel",
}


@dataclass(frozen=True)
class Kind:
    name: str
    family: Family
    phases: tuple[Phase, ...]
    meaning: str


def _table() -> dict[str, Kind]:
    parts: tuple[tuple[dict[str, str], Family, tuple[Phase, ...]], ...] = (
        (CONNECTION, "connection", PHASES),
        (REFUSAL, "refusal", PHASES),
        (REPLY_ANYWHERE, "reply", API_PHASES),
        (REPLY_TO_SUBMIT, "reply", ("submit",)),
        (REPLY_TO_POLL, "reply", ("poll",)),
        (REPLY_TO_UPLOAD, "reply", ("upload",)),
        (FATE, "fate", ("result",)),
        (FILE, "file", ("download",)),
    )
    return {
        name: Kind(name, family, phases, meaning)
        for table, family, phases in parts
        for name, meaning in table.items()
    }


KINDS = _table()
ON_REQUEST: frozenset[Family] = frozenset({"connection", "refusal", "reply", "file"})
ON_JOB: frozenset[Family] = frozenset({"fate"})


@dataclass(frozen=True)
class Fault:
    """`kind` for the `times` requests (0 = all) that follow the first `after` matching ones."""

    provider: str
    phase: Phase
    kind: str
    times: int = 1
    after: int = 0

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        kind = KINDS.get(self.kind)
        if self.provider not in (*PROVIDERS, "*"):
            return "provider: one of pixeldojo, pixazo, segmind, *"
        if kind is None:
            return "kind: unknown; GET /_sim/faults lists them"
        if self.phase not in kind.phases:
            return f"phase: {kind.name} goes with {', '.join(kind.phases)}"
        if self.times < 0 or self.after < 0:
            return "times and after: not negative"
        return None


@dataclass
class _Entry:
    fault: Fault
    seen: int = 0
    fired: int = 0

    @property
    def spent(self) -> bool:
        return 0 < self.fault.times <= self.fired


class FaultBook:
    """The faults still to come, in the order they were scripted; the first that fits wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def add(self, fault: Fault) -> None:
        if problem := fault.problem():
            raise ValueError(problem)
        with self._lock:
            self._entries.append(_Entry(fault))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def take(self, provider: str, phase: str, families: frozenset[Family]) -> str | None:
        """The kind that hits this request, and count it; None for an honest reply."""
        hit: _Entry | None = None
        with self._lock:
            for entry in self._entries:
                if not _fits(entry.fault, provider, phase, families):
                    continue
                entry.seen += 1
                if hit is None and not entry.spent and entry.seen > entry.fault.after:
                    hit = entry
            if hit is None:
                return None
            hit.fired += 1
            return hit.fault.kind

    def listing(self) -> list[dict[str, str | int]]:
        with self._lock:
            return [{**vars(e.fault), "seen": e.seen, "fired": e.fired} for e in self._entries]


def _fits(fault: Fault, provider: str, phase: str, families: frozenset[Family]) -> bool:
    return (
        fault.provider in (provider, "*")
        and fault.phase == phase
        and KINDS[fault.kind].family in families
    )
