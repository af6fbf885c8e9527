"""PixelDojo's API: https://pixeldojo.ai/api/v1, asynchronous jobs paid in credits.

Paths, shapes and the error codes follow its llm.txt and the pages of image-relighting and
p-image-edit. Documented nowhere, and so assumed: the error envelope (the 2025 one), the shape of
the job list, and what the model_type routes of image-relighting cost.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from mcp_relight.simulator.checks import Violation, check_object
from mcp_relight.simulator.exchange import Answered, Ask, Dialect, Json, Reply, parsed_body
from mcp_relight.simulator.jobs import UNKNOWN_WORD, YEAR_S, Job, Stage, iso
from mcp_relight.simulator.pixeldojo_models import (
    ANSWERS_AT_ONCE,
    Model,
    catalog,
    credit_cost,
    new_model,
    picture_field,
    request_schema,
    whole,
)
from mcp_relight.simulator.serving_order import endpoint, paying_account, started
from mcp_relight.simulator.sizes import ic_light_size, ratio_size
from mcp_relight.simulator.state import Simulation, Work

RESULT_LIFE_S = 86_400
USUAL_SECONDS = 4.0
WORDS: dict[Stage, str] = {
    "queued": "pending",
    "running": "processing",
    "unknown": UNKNOWN_WORD,
    "completed": "completed",
    "failed": "failed",
    "error": "failed",
    "cancelled": "cancelled",
}
CODES = {
    400: ("validation_error", "Input validation failed"),
    401: ("unauthorized", "Missing or invalid API key"),
    402: ("insufficient_credits", "Insufficient credits"),
    403: ("insufficient_credits", "Insufficient credits"),
    404: ("not_found", "Model or job not found"),
    410: ("expired", "Job has expired"),
    429: ("rate_limit_exceeded", "Rate limit exceeded"),
    500: ("internal_error", "Internal server error"),
    502: ("submission_failed", "Failed to submit job"),
}


def error(status: int, text: str, code: str = "") -> Reply:
    usual_code, usual_text = CODES.get(status, ("error", f"Request failed with status {status}"))
    message = usual_text if text in ("", "missing") else text
    return Reply(
        status, {"error": {"code": code or usual_code, "message": message, "status": status}}
    )


def key_of(headers: Mapping[str, str]) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def _reset_header(moment: float) -> Mapping[str, str]:
    return {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(moment) + 1),
    }


DIALECT = Dialect(
    provider="pixeldojo",
    id_field="jobId",
    url_fields=("statusUrl",),
    error=error,
    no_credits=lambda need: error(402, f"Insufficient credits. Required: {whole(need)}"),
    key_of=key_of,
    reset_header=_reset_header,
)


def _offered(sim: Simulation) -> dict[str, Model]:
    return catalog() | {name: new_model(name) for name in sim.settings.new_models}


async def list_models(sim: Simulation, ask: Ask) -> Reply:
    models = list(_offered(sim).values())
    detailed = ask.query.get("detailed") == "true"
    images = sum(model.modality == "image" for model in models)
    body: Json = {
        "models": [_detailed(model) if detailed else model.card() for model in models],
        "total": len(models),
        "imageCount": images,
        "videoCount": len(models) - images,
    }
    return Reply(200, body)


def _detailed(model: Model) -> Json:
    return {**model.card(), "requestSchema": request_schema(model)}


def _model(sim: Simulation, ask: Ask) -> Model:
    model = _offered(sim).get(ask.path["model"])
    if model is None:
        raise Answered(error(404, "Model not found"))
    return model


async def model_card(sim: Simulation, ask: Ask) -> Reply:
    return Reply(200, _detailed(_model(sim, ask)))


async def model_schema(sim: Simulation, ask: Ask) -> Reply:
    return Reply(200, {"schema": request_schema(_model(sim, ask))})


async def run(sim: Simulation, ask: Ask) -> Reply:
    account = paying_account(sim, DIALECT, ask)
    model = _model(sim, ask)
    body = parsed_body(ask, lambda text: error(400, text, "invalid_json"))
    schema = request_schema(model)
    hooked = {**schema["properties"], "webhook_url": {"type": "string", "format": "uri"}}
    try:
        params = check_object(
            {**schema, "properties": hooked}, body, inline="pixeldojo" in sim.settings.inline_inputs
        )
    except Violation as violation:
        raise Answered(error(400, violation.message)) from None
    job = await started(sim, DIALECT, account, _work(sim, model, params), ask.origin)
    submitted: Json = {
        "jobId": job.id,
        "status": "pending",
        "statusUrl": f"{ask.base}/api/v1/jobs/{job.id}",
        "creditCost": whole(job.amount),
        "creditsRemaining": whole(account.balance),
        **_expires(job),
    }
    if not (job.ends_at_once or model.api_id in ANSWERS_AT_ONCE):
        return Reply(202, submitted)
    stage = await sim.carry_out(job)
    return Reply(202, {**submitted, **_job_body(job, stage, ask.origin)}, delivers=True)


def _work(sim: Simulation, model: Model, params: Json) -> Work:
    field = picture_field(model)
    given: str | list[str] = params.get(field, "") if field else ""
    name = f"{int(sim.now())}-{secrets.randbelow(10**9):09d}"
    return Work(
        job_id=f"job_{secrets.token_hex(12)}",
        model=model.api_id,
        params=params,
        amount=credit_cost(model, params),
        duration_s=USUAL_SECONDS,
        inputs=_listed(given),
        path=f"pixeldojo/pixeldojotemp/{name}{{nth}}.{{ext}}",
        file_format=params.get("output_format", "png"),
        count=int(params.get("number_of_images", params.get("n", 1))),
        size_px=_size(model, params),
        quality=params.get("output_quality", 100) or 1,
        light=f"{params.get('light_source', '')} {params.get('prompt', '')}",
        seed=params.get("seed"),
    )


def _listed(given: str | list[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(given)


def _size(model: Model, params: Json) -> tuple[int, int] | None:
    """Magic Lighting is IC-Light by its parameters [assumed]; the others go by aspect ratio."""
    magic = params.get("model_type", "magic-lighting") == "magic-lighting"
    if model.api_id == "image-relighting" and magic:
        width_px, height_px = int(params.get("width", 1024)), int(params.get("height", 1024))
        return ic_light_size(width_px, height_px, params.get("highres_scale", 1.5))
    ratio = params.get("aspectRatio", params.get("aspect_ratio"))
    return ratio_size(ratio) if ratio else None


def _expires(job: Job) -> Json:
    if job.fate == "timestamps_missing":
        return {}
    moment = job.created_at + RESULT_LIFE_S
    if job.fate == "timestamps_skewed":
        moment += YEAR_S
    if job.fate == "expires_at_past":
        moment = job.created_at - 3600
    return {"expiresAt": iso(moment, "seconds")}


def _job_body(job: Job, stage: Stage, origin: str) -> Json:
    body: Json = {"jobId": job.id, "status": WORDS[stage]}
    if stage == "completed":
        urls = job.output_urls(origin)
        body |= job.output_field({"images": urls}, urls, "output")
    elif stage in ("failed", "error"):
        body |= job.error_field()
    return {**body, "creditCost": whole(job.amount), **_expires(job)}


def _known_job(sim: Simulation, ask: Ask) -> Job:
    account = paying_account(sim, DIALECT, ask)
    job = sim.job_of("pixeldojo", account.key, ask.path["job"])
    if job is None:
        raise Answered(error(404, "Job not found"))
    return job


async def get_job(sim: Simulation, ask: Ask) -> Reply:
    job = _known_job(sim, ask)
    stage = sim.observe(job)
    if stage == "expired":
        raise Answered(error(410, ""))
    return Reply(200, _job_body(job, stage, ask.origin), delivers=stage == "completed")


async def list_jobs(sim: Simulation, ask: Ask) -> Reply:
    """The key's newest jobs; looking at the list moves none of them on."""
    account = paying_account(sim, DIALECT, ask)
    asked: Any = ask.query.get("limit", "10")
    if not (asked.isdecimal() and 1 <= int(asked) <= 100):
        raise Answered(error(400, "limit must be between 1 and 100"))
    newest = sim.jobs_of("pixeldojo", account.key)[: int(asked)]
    return Reply(200, {"jobs": [_row(sim, job, ask.origin) for job in newest]})


def _row(sim: Simulation, job: Job, origin: str) -> Json:
    stage = sim.glance(job)
    body = _job_body(job, stage, origin) if stage != "expired" else {"jobId": job.id}
    return {
        **body,
        "status": WORDS.get(stage, "expired"),
        "apiId": job.model,
        "createdAt": job.timestamp(job.created_at),
    }


async def replay_webhook(sim: Simulation, ask: Ask) -> Reply:
    """Accepted and ignored: this simulator calls nobody."""
    job = _known_job(sim, ask)
    return Reply(200, {"jobId": job.id, "webhook": {"status": "ignored"}})


def routes(sim: Simulation) -> list[Route]:
    at = "/api/v1"
    return [
        Route(f"{at}/models", endpoint(sim, DIALECT, "catalogue", list_models), methods=["GET"]),
        Route(
            f"{at}/models/{{model}}",
            endpoint(sim, DIALECT, "catalogue", model_card),
            methods=["GET"],
        ),
        Route(
            f"{at}/models/{{model}}/schema",
            endpoint(sim, DIALECT, "catalogue", model_schema),
            methods=["GET"],
        ),
        Route(
            f"{at}/models/{{model}}/run", endpoint(sim, DIALECT, "submit", run), methods=["POST"]
        ),
        Route(f"{at}/jobs", endpoint(sim, DIALECT, "catalogue", list_jobs), methods=["GET"]),
        Route(f"{at}/jobs/{{job}}", endpoint(sim, DIALECT, "poll", get_job), methods=["GET"]),
        Route(
            f"{at}/jobs/{{job}}/webhook",
            endpoint(sim, DIALECT, "poll", replay_webhook),
            methods=["POST"],
        ),
    ]
