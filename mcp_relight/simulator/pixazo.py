"""Pixazo's gateway: https://gateway.pixazo.ai, PixelForge relighting (queued) and image (at once).

Paths, parameters, statuses and the queue's error bodies follow its PixelForge page. Assumed: the
gateway's own 401, 404 and 429 bodies (Azure API Management's), the older prediction contract that
community code polls, the prices, and the words of validation errors.
"""

import secrets
import uuid
from collections.abc import Mapping

from starlette.routing import Route

from mcp_relight.simulator.checks import Schema, Violation, check_object
from mcp_relight.simulator.exchange import Answered, Ask, Dialect, Json, Reply, parsed_body
from mcp_relight.simulator.jobs import UNKNOWN_WORD, Job, Stage
from mcp_relight.simulator.serving_order import endpoint, paying_account, started
from mcp_relight.simulator.sizes import NAMED_SIZES, named_size
from mcp_relight.simulator.state import Simulation, Work

MODEL = "pixelforge-relighting-api"
USUAL_SECONDS = 111.0
USUAL_SECONDS_AT_ONCE = 8.0
PRICE_USD = 0.04
WORDS: dict[Stage, str] = {
    "queued": "QUEUED",
    "running": "PROCESSING",
    "unknown": UNKNOWN_WORD.upper(),
    "completed": "COMPLETED",
    "failed": "FAILED",
    "error": "ERROR",
    "cancelled": "CANCELLED",
}
PREDICTION_WORDS: dict[Stage, str] = {
    "queued": "starting",
    "running": "processing",
    "unknown": UNKNOWN_WORD,
    "completed": "succeeded",
    "failed": "failed",
    "error": "failed",
    "cancelled": "canceled",
}
GATEWAY_WORDS = {
    401: "Access denied due to invalid subscription key.",
    403: "Forbidden",
    404: "Resource not found",
    429: "Rate limit is exceeded. Try again in 2 seconds.",
}
TITLES = {400: "Bad Request", 402: "Insufficient Balance", 500: "Internal Server Error"}

_PICTURES: Schema = {"type": "array", "items": {"type": "string", "format": "uri"}}
_LORA: Schema = {
    "type": "object",
    "required": ["path"],
    "properties": {
        "path": {"type": "string", "format": "uri"},
        "scale": {"type": "number", "minimum": 0, "maximum": 2},
    },
}
_SIDE: Schema = {"type": "integer", "minimum": 64, "maximum": 4096}
RELIGHTING: Schema = {
    "required": ["prompt", "image_urls"],
    "properties": {
        "prompt": {"type": "string", "maxLength": 800},
        "image_urls": {**_PICTURES, "minItems": 1, "maxItems": 10},
        "image_size": {
            "anyOf": [
                {"type": "string", "enum": list(NAMED_SIZES)},
                {
                    "type": "object",
                    "required": ["width", "height"],
                    "properties": {"width": _SIDE, "height": _SIDE},
                },
            ]
        },
        "num_inference_steps": {"type": "integer", "minimum": 1, "maximum": 150},
        "guidance_scale": {"type": "number", "minimum": 1, "maximum": 20},
        "num_images": {"type": "integer", "minimum": 1, "maximum": 4},
        "enable_safety_checker": {"type": "boolean"},
        "output_format": {"type": "string", "enum": ["jpeg", "png"]},
        "negative_prompt": {"type": "string"},
        "acceleration": {"type": "string", "enum": ["none", "regular"]},
        "loras": {"type": "array", "items": _LORA, "maxItems": 3},
        "webhook": {"type": "string", "format": "uri"},
        "webhook_events_filter": {
            "type": "array",
            "items": {"type": "string", "enum": ["start", "complete", "*"]},
        },
    },
}
IMAGE: Schema = {
    "required": ["prompt", "image_urls"],
    "properties": {
        "prompt": {"type": "string"},
        "image_urls": {**_PICTURES, "minItems": 1, "maxItems": 3},
    },
}
PREDICTION: Schema = {
    "required": ["prediction_id"],
    "properties": {"prediction_id": {"type": "string"}},
}


def error(status: int, text: str) -> Reply:
    """The gateway's own body for what it answers itself, the queue's for the rest."""
    if status in GATEWAY_WORDS:
        missing = "Access denied due to missing subscription key."
        message = missing if text == "missing" else text or GATEWAY_WORDS[status]
        return Reply(status, {"statusCode": status, "message": message})
    title = TITLES.get(status, f"Error {status}")
    return Reply(status, {"error": title, "message": text or title})


def sync_error(status: int, text: str) -> Reply:
    return Reply(status, {"error": text, "status": status})


def _no_credits(need: float) -> Reply:
    message = f"Your wallet does not have enough balance. ( Required: ${need:g})"
    return Reply(402, {"error": "Insufficient Balance", "message": message})


def key_of(headers: Mapping[str, str]) -> str | None:
    return headers.get("ocp-apim-subscription-key") or None


DIALECT = Dialect(
    provider="pixazo",
    id_field="request_id",
    url_fields=("polling_url",),
    error=error,
    no_credits=_no_credits,
    key_of=key_of,
    reset_header=lambda _moment: {"retry-after": "2"},
)


async def generate(sim: Simulation, ask: Ask) -> Reply:
    account = paying_account(sim, DIALECT, ask)
    _check_webhook(ask)
    body = parsed_body(ask, lambda text: error(400, text))
    try:
        params = check_object(RELIGHTING, body, inline="pixazo" in sim.settings.inline_inputs)
    except Violation as violation:
        raise Answered(error(400, violation.message)) from None
    job = await started(sim, DIALECT, account, _relighting(params), ask.origin)
    submitted: Json = {
        "request_id": job.id,
        "status": "QUEUED",
        "polling_url": f"{ask.base}/v2/requests/status/{job.id}",
    }
    if job.ends_at_once:
        stage = await sim.carry_out(job)
        return Reply(202, {**submitted, **_status_body(job, stage, ask.origin)}, delivers=True)
    return Reply(202, submitted)


def _check_webhook(ask: Ask) -> None:
    address = ask.headers.get("x-webhook-url")
    if address is not None and not address.startswith("https://"):
        raise Answered(error(400, "X-Webhook-URL must be an HTTPS URL"))
    if ask.headers.get("x-webhook-mode", "terminal") not in ("terminal", "sync"):
        raise Answered(error(400, "X-Webhook-Mode must be terminal or sync"))


def _relighting(params: Json) -> Work:
    count = int(params.get("num_images", 1))
    job_id = f"{MODEL}_{uuid.uuid4()}"
    return Work(
        job_id=job_id,
        model=MODEL,
        params=params,
        amount=round(PRICE_USD * count, 6),
        duration_s=USUAL_SECONDS,
        inputs=tuple(params["image_urls"]),
        path=f"pixazo/v1/{job_id}/output{{nth}}.{{ext}}",
        file_format=params.get("output_format", "png"),
        count=count,
        size_px=named_size(params.get("image_size", "square_hd")),
        light=params["prompt"],
    )


def _status_body(job: Job, stage: Stage, origin: str) -> Json:
    body: Json = {
        "request_id": job.id,
        "status": WORDS[stage],
        "model_id": job.model,
        "error": None,
        "output": None,
    }
    if stage == "completed":
        del body["output"]
        urls = job.output_urls(origin)
        media_type = "image/jpeg" if job.params.get("output_format") == "jpeg" else "image/png"
        body |= job.output_field({"media_url": urls, "media_type": media_type}, urls, "output")
    elif stage in ("failed", "error"):
        del body["error"]
        body |= job.error_field()
    return {**body, **_moments(job)}


def _moments(job: Job) -> Json:
    if job.fate == "timestamps_missing":
        return {}
    updated = job.finished_at or job.created_at
    return {
        "created_at": job.timestamp(job.created_at),
        "updated_at": job.timestamp(updated, plain=True),
        "completed_at": job.timestamp(job.finished_at, plain=True),
    }


def _seen(sim: Simulation, ask: Ask, job_id: str) -> tuple[Job, Stage]:
    account = paying_account(sim, DIALECT, ask)
    job = sim.job_of("pixazo", account.key, job_id)
    stage: Stage = sim.observe(job) if job else "expired"
    if job is None or stage == "expired":
        raise Answered(Reply(404, {"error": "Not Found", "message": "Request not found"}))
    return job, stage


async def status(sim: Simulation, ask: Ask) -> Reply:
    job, stage = _seen(sim, ask, ask.path["job"])
    body = _status_body(job, stage, ask.origin)
    return Reply(200, body, delivers=stage == "completed")


async def prediction(sim: Simulation, ask: Ask) -> Reply:
    """The older contract: POST the id, get a Replicate-like record."""
    body = parsed_body(ask, lambda text: error(400, text))
    try:
        asked = check_object(PREDICTION, body)
    except Violation as violation:
        raise Answered(error(400, violation.message)) from None
    job, stage = _seen(sim, ask, asked["prediction_id"])
    urls = job.output_urls(ask.origin) if stage == "completed" else []
    record: Json = {"id": job.id, "status": PREDICTION_WORDS[stage], "error": None, "output": None}
    if stage == "completed":
        del record["output"]
        record |= job.output_field(urls if len(urls) != 1 else urls[0], urls, "output")
    elif stage in ("failed", "error"):
        record["error"] = job.error_text()
    return Reply(200, record, delivers=stage == "completed")


async def serve_image(sim: Simulation, ask: Ask) -> Reply:
    account = paying_account(sim, DIALECT, ask)
    body = parsed_body(ask, lambda text: sync_error(400, text))
    try:
        params = check_object(IMAGE, body, inline="pixazo" in sim.settings.inline_inputs)
    except Violation as violation:
        raise Answered(sync_error(400, violation.message)) from None
    work = Work(
        job_id=f"pixelforge-image_{uuid.uuid4()}",
        model="pixelforge-image",
        params=params,
        amount=PRICE_USD,
        duration_s=USUAL_SECONDS_AT_ONCE,
        inputs=tuple(params["image_urls"]),
        path=f"pixazo/images/{secrets.token_hex(6)}{{nth}}.{{ext}}",
        file_format="jpg",
        light=params["prompt"],
    )
    job = await started(sim, DIALECT, account, work, ask.origin)
    if await sim.carry_out(job) != "completed":
        raise Answered(sync_error(502, "Failed to reach upstream API"))
    urls = job.output_urls(ask.origin)
    return Reply(200, job.output_field(urls[0] if urls else None, urls, "url"), delivers=True)


async def elsewhere(_sim: Simulation, ask: Ask) -> Reply:
    """Any other address: no such model for a POST, no such operation for the rest."""
    if ask.method != "POST":
        return error(404, "")
    name = ask.path["rest"].split("/")[0]
    message = f"Model '{name}' not found or is disabled"
    return Reply(400, {"error": "Model not found", "message": message})


def routes(sim: Simulation) -> list[Route]:
    relighting = "/pixelforge-relighting-api/v1/relighting"
    return [
        Route(
            f"{relighting}/generate", endpoint(sim, DIALECT, "submit", generate), methods=["POST"]
        ),
        Route(
            f"{relighting}/prediction", endpoint(sim, DIALECT, "poll", prediction), methods=["POST"]
        ),
        Route(
            "/pixelforge-image/v1/qwen_image_gen/serve_image",
            endpoint(sim, DIALECT, "submit", serve_image),
            methods=["POST"],
        ),
        Route("/v2/requests/status/{job}", endpoint(sim, DIALECT, "poll", status), methods=["GET"]),
        Route(
            "/{rest:path}",
            endpoint(sim, DIALECT, "catalogue", elsewhere),
            methods=["GET", "POST", "PUT", "DELETE"],
        ),
    ]
