"""Pixazo's gateway: https://gateway.pixazo.ai, PixelForge relighting (queued) and image (at once).

Paths, parameters, statuses and the queue's error bodies follow its PixelForge page. Assumed: the
gateway's own 401, 404 and 429 bodies (Azure API Management's), the older prediction contract that
community code polls, the prices, and the words of validation errors.
"""

import secrets
import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_relight.simulator.api import Answered, Api, Json
from mcp_relight.simulator.checks import table
from mcp_relight.simulator.hooks import may_be_called
from mcp_relight.simulator.jobs import UNKNOWN_WORD, Job, Stage, Work
from mcp_relight.simulator.middleware import route
from mcp_relight.simulator.pictures import named_size

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


class Pixazo(Api):
    name = "pixazo"
    id_field = "request_id"
    url_fields = ("polling_url",)

    def routes(self) -> list[Route]:
        at = "/pixelforge-relighting-api/v1/relighting"
        at_once = "/pixelforge-image/v1/qwen_image_gen/serve_image"
        return [
            route(self, "submit", f"{at}/generate", self.generate, "POST"),
            route(self, "poll", f"{at}/prediction", self.prediction, "POST"),
            route(self, "submit", at_once, self.serve_image, "POST"),
            route(self, "poll", "/v2/requests/status/{job}", self.status),
            route(self, "catalogue", "/{rest:path}", elsewhere, "GET", "POST", "PUT", "DELETE"),
        ]

    def error(self, status: int, text: str = "") -> Response:
        """The gateway's own body for what it answers itself, the queue's for the rest."""
        if status in GATEWAY_WORDS:
            missing = "Access denied due to missing subscription key."
            message = missing if text == "missing" else text or GATEWAY_WORDS[status]
            return JSONResponse({"statusCode": status, "message": message}, status)
        title = TITLES.get(status, f"Error {status}")
        return JSONResponse({"error": title, "message": text or title}, status)

    def no_credits(self, need: float) -> Response:
        return self.error(402, f"Your wallet does not have enough balance. ( Required: ${need:g})")

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("ocp-apim-subscription-key") or None

    def reset_header(self, moment: float) -> dict[str, str]:
        return {"retry-after": "2"}

    async def generate(self, request: Request) -> Response:
        account = self.account(request)
        address = self._webhook(request)
        params = await self.params(request, table("pixazo")["relighting"])
        job = await self.started(request, account, _relighting(params))
        if address is not None:
            await self.caller.promise(job, address)
        submitted: Json = {
            "request_id": job.id,
            "status": "QUEUED",
            "polling_url": f"{self.base(request)}/v2/requests/status/{job.id}",
        }
        if job.ends_at_once:
            stage = await self.sim.carry_out(job)
            body = {**submitted, **_status_body(job, stage, self.origin(request))}
            return self.outcome(request, body, 202)
        return JSONResponse(submitted, 202)

    def _webhook(self, request: Request) -> str | None:
        address = request.headers.get("x-webhook-url")
        if address is not None and not may_be_called(address):
            raise Answered(self.error(400, "X-Webhook-URL must be an HTTPS URL"))
        if request.headers.get("x-webhook-mode", "terminal") not in ("terminal", "sync"):
            raise Answered(self.error(400, "X-Webhook-Mode must be terminal or sync"))
        return address

    def _seen(self, request: Request, job_id: str) -> tuple[Job, Stage]:
        job = self.job(request, job_id)
        stage: Stage = self.sim.observe(job) if job else "expired"
        if job is None or stage == "expired":
            body = {"error": "Not Found", "message": "Request not found"}
            raise Answered(JSONResponse(body, 404))
        return job, stage

    async def status(self, request: Request) -> Response:
        job, stage = self._seen(request, request.path_params["job"])
        return self.answer(request, stage, _status_body(job, stage, self.origin(request)))

    async def prediction(self, request: Request) -> Response:
        """The older contract: POST the id, get a Replicate-like record."""
        asked = await self.params(request, table("pixazo")["prediction"])
        job, stage = self._seen(request, asked["prediction_id"])
        urls = job.output_urls(self.origin(request)) if stage == "completed" else []
        record: Json = {
            "id": job.id,
            "status": PREDICTION_WORDS[stage],
            "error": None,
            "output": None,
        }
        if stage == "completed":
            del record["output"]
            record |= job.output_field(urls if len(urls) != 1 else urls[0], urls, "output")
        elif stage in ("failed", "error"):
            record["error"] = job.error_text()
        return self.answer(request, stage, record)

    async def serve_image(self, request: Request) -> Response:
        """One picture in the reply to the submit, with errors in a form of its own."""
        account = self.account(request)
        schema = table("pixazo")["image"]
        params = await self.params(request, schema, lambda _, text: _at_once_error(400, text))
        job = await self.started(request, account, _picture(params))
        if await self.sim.carry_out(job) != "completed":
            raise Answered(_at_once_error(502, "Failed to reach upstream API"))
        urls = job.output_urls(self.origin(request))
        body = job.output_field(urls[0] if urls else None, urls, "url")
        return self.outcome(request, body)


async def elsewhere(request: Request) -> Response:
    """Any other address: no such model for a POST, no such operation for the rest."""
    if request.method != "POST":
        return JSONResponse({"statusCode": 404, "message": GATEWAY_WORDS[404]}, 404)
    name = request.path_params["rest"].split("/")[0]
    message = f"Model '{name}' not found or is disabled"
    return JSONResponse({"error": "Model not found", "message": message}, 400)


def _at_once_error(status: int, text: str) -> Response:
    return JSONResponse({"error": text, "status": status}, status)


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


def _picture(params: Json) -> Work:
    return Work(
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


def _status_body(job: Job, stage: Stage, origin: str) -> Json:
    body: Json = {
        "request_id": job.id,
        "status": WORDS[stage],
        "model_id": job.work.model,
        "error": None,
        "output": None,
    }
    if stage == "completed":
        del body["output"]
        urls = job.output_urls(origin)
        media_type = "image/jpeg" if job.work.params.get("output_format") == "jpeg" else "image/png"
        body |= job.output_field({"media_url": urls, "media_type": media_type}, urls, "output")
    elif stage in ("failed", "error"):
        del body["error"]
        body |= job.error_field()
    if job.fate == "timestamps_missing":
        return body
    return {
        **body,
        "created_at": job.timestamp(job.created_at),
        "updated_at": job.timestamp(job.finished_at or job.created_at, plain=True),
        "completed_at": job.timestamp(job.finished_at, plain=True),
    }
