"""Segmind's gateway (https://api.segmind.com, v1 and v2) and its upload host.

Model parameters follow the model pages, the exchange the async-inference page, the errors the
published status table. v1 answers with raw picture bytes, as its pages say ("Returns: Image"),
although their own samples call .json(). The upload host of the real service is another one
(workflows-api.segmind.com); here it is the same, at the same path.
"""

import uuid
from collections.abc import Mapping

from starlette.routing import Route

from mcp_relight.simulator.checks import Violation, check_object
from mcp_relight.simulator.exchange import Answered, Ask, Dialect, Json, Reply, parsed_body
from mcp_relight.simulator.intake import Unreadable, decode_data_uri
from mcp_relight.simulator.jobs import UNKNOWN_WORD, Job, Stage, iso
from mcp_relight.simulator.ledger import Account
from mcp_relight.simulator.segmind_models import MODELS, Model
from mcp_relight.simulator.serving_order import endpoint, paying_account, started
from mcp_relight.simulator.state import Simulation, Work

RECORD_LIFE_S = 3600.0
JSON_TYPES = ("application/json", "multipart/form-data")
WORDS: dict[Stage, str] = {
    "queued": "QUEUED",
    "running": "PROCESSING",
    "unknown": UNKNOWN_WORD.upper(),
    "completed": "COMPLETED",
    "failed": "FAILED",
    "error": "FAILED",
    "cancelled": "CANCELLED",
}
TEXTS = {
    400: "Bad request",
    403: "Your team does not have access to this model",
    404: "Model not found",
    406: "Invalid content type",
    410: "This model has been deprecated",
    500: "Internal server error",
    502: "Bad Gateway",
    504: "Timeout",
}
INVALID_KEY = "Unauthorized. API key is invalid or may have expired. Check your API keys"
MISSING_KEY = "Missing Authorization or x-api-key in header"
NOT_ALLOWED = Reply(
    405,
    b"<!doctype html><html lang=en><title>405 Method Not Allowed</title>"
    b"<h1>Method Not Allowed</h1></html>",
    media_type="text/html",
)


def error(status: int, text: str) -> Reply:
    if status == 401:
        return Reply(401, {"error": MISSING_KEY if text == "missing" else text or INVALID_KEY})
    if status == 405:
        return NOT_ALLOWED
    if status == 422:
        return Reply(422, {"status": "FAILED", "error": text or "Inference failed", "metrics": {}})
    if status == 429:
        body = {
            "error": "rate_limit_exceeded",
            "error_description": text or "Too many requests",
            "status_code": 429,
        }
        return Reply(429, body)
    return Reply(status, {"error": text or TEXTS.get(status, f"Request failed ({status})")})


def key_of(headers: Mapping[str, str]) -> str | None:
    """x-api-key only: the gateway refuses the same key as a bearer token."""
    return headers.get("x-api-key") or None


DIALECT = Dialect(
    provider="segmind",
    id_field="request_id",
    url_fields=("poll_url", "status_url", "response_url"),
    error=error,
    no_credits=lambda need: error(
        406, f"Insufficient credits: this request needs {need:g}, top up to continue"
    ),
    key_of=key_of,
    reset_header=lambda moment: {"x-rate-limit-reset-at-utc": iso(moment, "seconds")},
)


def _caller(sim: Simulation, ask: Ask) -> Account:
    bearer = not key_of(ask.headers) and "authorization" in ask.headers
    if bearer:
        raise Answered(error(401, ""))
    return paying_account(sim, DIALECT, ask)


def _checked(sim: Simulation, ask: Ask) -> tuple[Model, Json]:
    """The model and its parameters. Raises Answered: 404, 406 or 400 by what is wrong."""
    model = MODELS.get(ask.path["slug"])
    if model is None:
        raise Answered(error(404, ""))
    if ask.headers.get("content-type", "").split(";")[0].strip() not in JSON_TYPES:
        raise Answered(error(406, ""))
    body = parsed_body(ask, lambda text: error(400, text))
    try:
        params = check_object(model.schema, body, inline="segmind" in sim.settings.inline_inputs)
    except Violation as violation:
        status = 406 if violation.rule in ("enum", "range") else 400
        raise Answered(error(status, violation.message)) from None
    return model, params


def _work(model: Model, params: Json, count: int) -> Work:
    request_id = str(uuid.uuid4())
    return Work(
        job_id=request_id,
        model=model.slug,
        params=params,
        amount=round(model.price_usd * count, 6),
        duration_s=model.usual_s,
        inputs=tuple(params[name] for name in model.pictures if params.get(name)),
        path=f"segmind/output/{request_id}{{nth}}.{{ext}}",
        file_format=model.file_format(params),
        count=count,
        size_px=model.size_px(params),
        quality=model.quality(params),
        light=model.light(params),
        seed=params.get("seed"),
    )


async def submit_v2(sim: Simulation, ask: Ask) -> Reply:
    account = _caller(sim, ask)
    model, params = _checked(sim, ask)
    work = _work(model, params, int(params.get("number_of_images", 1)))
    job = await started(sim, DIALECT, account, work, ask.origin)
    submitted: Json = {"request_id": job.id, "status": "QUEUED", **_addresses(ask, job)}
    if not job.ends_at_once:
        return Reply(200, submitted)
    stage = await sim.carry_out(job)
    if stage != "completed":
        return _failure(job)
    return Reply(200, {**submitted, **_result(sim, job, ask.origin)}, delivers=True)


def _addresses(ask: Ask, job: Job) -> Json:
    return {
        "poll_url": f"{ask.base}/v1/requests/{job.id}",
        "status_url": f"{ask.base}/v2/requests/{job.id}/status",
        "response_url": f"{ask.base}/v2/requests/{job.id}",
    }


async def run_v1(sim: Simulation, ask: Ask) -> Reply:
    """Blocks for as long as the model takes; one picture, whatever number was asked for."""
    account = _caller(sim, ask)
    model, params = _checked(sim, ask)
    job = await started(sim, DIALECT, account, _work(model, params, 1), ask.origin)
    if await sim.carry_out(job) != "completed":
        raise Answered(error(500, job.error_text()))
    order = sim.picture_order(job)
    headers = {
        "x-request-id": job.id,
        "x-cost": f"{job.amount:g}",
        "x-remaining-credits": f"{account.balance:g}",
        "x-generation-time": f"{job.duration_s:g}",
        "x-seed-value": str(job.seed),
    }
    picture = await sim.files.draw(order)
    return Reply(200, picture, headers=headers, media_type=order.media_type, delivers=True)


def _known_job(sim: Simulation, ask: Ask) -> tuple[Job, Stage]:
    account = _caller(sim, ask)
    job = sim.job_of("segmind", account.key, ask.path["job"])
    gone = Answered(error(404, f"Request {ask.path['job']} not found"))
    if job is None or sim.now() > job.created_at + RECORD_LIFE_S:
        raise gone
    stage = sim.observe(job)
    if stage == "expired":
        raise gone
    return job, stage


async def status(sim: Simulation, ask: Ask) -> Reply:
    """Light: status and metrics, never the output. A failed job is a 200 that says FAILED."""
    job, stage = _known_job(sim, ask)
    body: Json = {"status": WORDS[stage], "request_id": job.id}
    if stage in ("failed", "error"):
        return Reply(200, {**body, **job.error_field(), "metrics": _timings(job)})
    if stage == "completed":
        return Reply(200, {**body, "metrics": _timings(job)})
    addresses = _addresses(ask, job)
    del addresses["poll_url"]
    return Reply(200, {**body, **addresses, "metrics": {}})


async def result(sim: Simulation, ask: Ask) -> Reply:
    job, stage = _known_job(sim, ask)
    if stage in ("failed", "error"):
        return _failure(job)
    if stage != "completed":
        return Reply(200, {"request_id": job.id, "status": WORDS[stage], "metrics": {}})
    return Reply(200, _result(sim, job, ask.origin), delivers=True)


def _failure(job: Job) -> Reply:
    """422, billing fields left out because nothing was charged."""
    body = {"request_id": job.id, "status": "FAILED", **job.error_field()}
    return Reply(422, {**body, "metrics": _timings(job)})


def _timings(job: Job) -> Json:
    return {
        "inference_time": job.duration_s,
        "queue_time": 0.2,
        "total_time": round(job.duration_s + 0.2, 3),
    }


def _result(sim: Simulation, job: Job, origin: str) -> Json:
    urls = job.output_urls(origin)
    account = sim.ledger.account("segmind", job.key)
    paid = {"cost": job.amount, "remaining_credits": account.balance if account else 0}
    media_type = sim.picture_order(job).media_type
    return {
        "request_id": job.id,
        "status": "COMPLETED",
        **job.output_field(urls[0] if urls else "", urls, "output"),
        "images": [] if job.fate in _NO_IMAGES else [_media(url, media_type) for url in urls],
        "seed": str(job.seed),
        "prompt": job.params.get("prompt", ""),
        "timings": {"inference": job.duration_s},
        "metrics": {**_timings(job), **paid},
    }


# Without these the images list would still give the picture away.
_NO_IMAGES = frozenset(
    {
        "output_missing",
        "output_null",
        "output_number",
        "output_string",
        "output_list",
        "output_object",
    }
)


def _media(url: str, media_type: str) -> Json:
    return {
        "url": url,
        "content_type": media_type,
        "file_name": url.rsplit("/", 1)[-1],
        "file_size": "0",
    }


async def upload_asset(sim: Simulation, ask: Ask) -> Reply:
    """JSON data URIs in, public addresses out; nothing can be deleted."""
    _caller(sim, ask)
    body = parsed_body(ask, lambda text: error(400, text))
    schema = {
        "required": ["data_urls"],
        "properties": {"data_urls": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
    }
    try:
        references = check_object(schema, body)["data_urls"]
        uploads = [(reference, decode_data_uri(reference)) for reference in references]
    except (Violation, Unreadable) as problem:
        raise Answered(error(400, str(problem))) from None
    return Reply(200, {"urls": [_kept(sim, ask, *upload) for upload in uploads]})


def _kept(sim: Simulation, ask: Ask, reference: str, data: bytes) -> str:
    media_type = reference[len("data:") :].partition(";")[0]
    path = sim.upload_path(data, media_type.rsplit("/", 1)[-1])
    sim.keep_upload(path, data, media_type)
    return f"{ask.origin}/files/{path}"


async def credit_balance(sim: Simulation, ask: Ask) -> Reply:
    account = _caller(sim, ask)
    return Reply(200, {"credits": account.balance, "free-credits": 0})


async def not_allowed(_sim: Simulation, _ask: Ask) -> Reply:
    return NOT_ALLOWED


def routes(sim: Simulation) -> list[Route]:
    other = ["GET", "PUT", "DELETE", "PATCH"]
    submit_other = endpoint(sim, DIALECT, "catalogue", not_allowed)
    return [
        Route(
            "/v1/get-user-credits",
            endpoint(sim, DIALECT, "catalogue", credit_balance),
            methods=["GET"],
        ),
        Route("/v2/requests/{job}/status", endpoint(sim, DIALECT, "poll", status), methods=["GET"]),
        Route("/v2/requests/{job}", endpoint(sim, DIALECT, "result", result), methods=["GET"]),
        Route("/v1/requests/{job}", endpoint(sim, DIALECT, "result", result), methods=["GET"]),
        Route("/upload-asset", endpoint(sim, DIALECT, "upload", upload_asset), methods=["POST"]),
        Route("/v2/{slug}", endpoint(sim, DIALECT, "submit", submit_v2), methods=["POST"]),
        Route("/v1/{slug}", endpoint(sim, DIALECT, "submit", run_v1), methods=["POST"]),
        Route("/v2/{slug}", submit_other, methods=other),
        Route("/v1/{slug}", submit_other, methods=other),
    ]
