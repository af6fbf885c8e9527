"""Segmind's gateway (https://api.segmind.com, v1 and v2) and its upload host.

Model parameters (segmind.json) follow the model pages, the exchange the async-inference page, the
errors the published status table. v1 answers with raw picture bytes, as its pages say ("Returns:
Image"), although their own samples call .json(). The upload host of the real service is another
one (workflows-api.segmind.com); here it is the same, at the same path. The table of
`qwen-image-edit-plus-relight`, which has no stored page, is that of its documented siblings.
"""

import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mcp_relight.simulator.api import Answered, Api, Json
from mcp_relight.simulator.checks import table
from mcp_relight.simulator.intake import Unreadable, decode_data_uri
from mcp_relight.simulator.jobs import UNKNOWN_WORD, Job, Stage, Work, iso
from mcp_relight.simulator.ledger import Account
from mcp_relight.simulator.middleware import route
from mcp_relight.simulator.pictures import ic_light_size

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
    401: "Unauthorized. API key is invalid or may have expired. Check your API keys",
    403: "Your team does not have access to this model",
    404: "Model not found",
    406: "Invalid content type",
    410: "This model has been deprecated",
    500: "Internal server error",
    502: "Bad Gateway",
    504: "Timeout",
}
MISSING_KEY = "Missing Authorization or x-api-key in header"
NOT_ALLOWED = (
    "<!doctype html><html lang=en><title>405 Method Not Allowed</title>"
    "<h1>Method Not Allowed</h1></html>"
)
# What 406 is said of; the rest of the schema's rules get 400.
FIXED_SETS = frozenset({"enum", "minimum", "maximum", "minItems", "maxItems", "maxLength"})
UPLOAD = {
    "required": ["data_urls"],
    "properties": {"data_urls": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
}


class Segmind(Api):
    name = "segmind"
    id_field = "request_id"
    url_fields = ("poll_url", "status_url", "response_url")

    def routes(self) -> list[Route]:
        other = ("GET", "PUT", "DELETE", "PATCH")
        return [
            route(self, "catalogue", "/v1/get-user-credits", self.credit_balance),
            route(self, "poll", "/v2/requests/{job}/status", self.status),
            route(self, "result", "/v2/requests/{job}", self.result),
            route(self, "result", "/v1/requests/{job}", self.result),
            route(self, "upload", "/upload-asset", self.upload_asset, "POST"),
            route(self, "submit", "/v2/{slug}", self.submit_v2, "POST"),
            route(self, "submit", "/v1/{slug}", self.run_v1, "POST"),
            route(self, "catalogue", "/v2/{slug}", self.not_allowed, *other),
            route(self, "catalogue", "/v1/{slug}", self.not_allowed, *other),
        ]

    def error(self, status: int, text: str = "") -> Response:
        if status == 405:
            return HTMLResponse(NOT_ALLOWED, 405)
        body: Json = {"error": text or TEXTS.get(status, f"Request failed ({status})")}
        if status == 401 and text == "missing":
            body = {"error": MISSING_KEY}
        elif status == 422:
            body = {"status": "FAILED", "error": text or "Inference failed", "metrics": {}}
        elif status == 429:
            said = text or "Too many requests"
            body = {"error": "rate_limit_exceeded", "error_description": said, "status_code": 429}
        return JSONResponse(body, status)

    def no_credits(self, need: float) -> Response:
        return self.error(
            406, f"Insufficient credits: this request needs {need:g}, top up to continue"
        )

    def unfit(self, rule: str, text: str) -> Response:
        return self.error(406 if rule in FIXED_SETS else 400, text)

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """x-api-key only: the gateway refuses the same key as a bearer token."""
        return headers.get("x-api-key") or None

    def reset_header(self, moment: float) -> dict[str, str]:
        return {"x-rate-limit-reset-at-utc": iso(moment, "seconds")}

    def account(self, request: Request) -> Account:
        if not self.key_of(request.headers) and "authorization" in request.headers:
            raise Answered(self.error(401))
        return super().account(request)

    async def _asked(self, request: Request) -> tuple[str, Json]:
        """The model's slug and its parameters. Raises Answered: 404, 406 or 400 by the fault."""
        slug = request.path_params["slug"]
        if slug not in table("segmind"):
            raise Answered(self.error(404))
        if request.headers.get("content-type", "").split(";")[0].strip() not in JSON_TYPES:
            raise Answered(self.error(406))
        return slug, await self.params(request, table("segmind")[slug]["schema"])

    async def submit_v2(self, request: Request) -> Response:
        account = self.account(request)
        slug, params = await self._asked(request)
        work = _work(slug, params, int(params.get("number_of_images", 1)))
        job = await self.started(request, account, work)
        submitted: Json = {
            "request_id": job.id,
            "status": "QUEUED",
            **self._addresses(request, job),
        }
        if not job.ends_at_once:
            return JSONResponse(submitted)
        stage = await self.sim.carry_out(job)
        if stage != "completed":
            return _failure(job)
        return self.answer(request, stage, {**submitted, **self._result(job, self.origin(request))})

    def _addresses(self, request: Request, job: Job) -> Json:
        base = self.base(request)
        return {
            "poll_url": f"{base}/v1/requests/{job.id}",
            "status_url": f"{base}/v2/requests/{job.id}/status",
            "response_url": f"{base}/v2/requests/{job.id}",
        }

    async def run_v1(self, request: Request) -> Response:
        """Blocks for as long as the model takes; one picture, whatever number was asked for."""
        account = self.account(request)
        slug, params = await self._asked(request)
        job = await self.started(request, account, _work(slug, params, 1))
        if await self.sim.carry_out(job) != "completed":
            raise Answered(self.error(500, job.error_text()))
        order = job.picture()
        headers = {
            "x-request-id": job.id,
            "x-cost": f"{job.work.amount:g}",
            "x-remaining-credits": f"{account.balance:g}",
            "x-generation-time": f"{job.work.duration_s:g}",
            "x-seed-value": str(job.seed),
        }
        picture = await self.sim.files.draw(order)
        return self.outcome(request, Response(picture, 200, headers, order.media_type))

    def _known_job(self, request: Request) -> tuple[Job, Stage]:
        job_id = request.path_params["job"]
        job = self.job(request, job_id)
        gone = Answered(self.error(404, f"Request {job_id} not found"))
        if job is None or self.sim.now() > job.created_at + RECORD_LIFE_S:
            raise gone
        stage = self.sim.observe(job)
        if stage == "expired":
            raise gone
        return job, stage

    async def status(self, request: Request) -> Response:
        """Light: status and metrics, never the output. A failed job is a 200 that says FAILED."""
        job, stage = self._known_job(request)
        body: Json = {"status": WORDS[stage], "request_id": job.id}
        if stage in ("failed", "error"):
            return JSONResponse({**body, **job.error_field(), "metrics": _timings(job)})
        if stage == "completed":
            return JSONResponse({**body, "metrics": _timings(job)})
        addresses = self._addresses(request, job)
        del addresses["poll_url"]
        return JSONResponse({**body, **addresses, "metrics": {}})

    async def result(self, request: Request) -> Response:
        job, stage = self._known_job(request)
        if stage in ("failed", "error"):
            return _failure(job)
        if stage == "completed":
            return self.answer(request, stage, self._result(job, self.origin(request)))
        return JSONResponse({"request_id": job.id, "status": WORDS[stage], "metrics": {}})

    def _result(self, job: Job, origin: str) -> Json:
        urls = job.output_urls(origin)
        account = self.sim.ledger.account(self.name, job.key)
        paid = {"cost": job.work.amount, "remaining_credits": account.balance if account else 0}
        media_type = job.picture().media_type
        # Without an output, the images list would still give the picture away.
        told = [] if job.hides_output else urls
        return {
            "request_id": job.id,
            "status": "COMPLETED",
            **job.output_field(urls[0] if urls else "", urls, "output"),
            "images": [_media(url, media_type) for url in told],
            "seed": str(job.seed),
            "prompt": job.work.params.get("prompt", ""),
            "timings": {"inference": job.work.duration_s},
            "metrics": {**_timings(job), **paid},
        }

    async def upload_asset(self, request: Request) -> Response:
        """JSON data URIs in, public addresses out; nothing can be deleted."""
        self.account(request)
        references = (await self.params(request, UPLOAD))["data_urls"]
        try:
            uploads = [decode_data_uri(reference) for reference in references]
        except Unreadable as problem:
            raise Answered(self.error(400, str(problem))) from None
        paths = [self.sim.keep_upload(data, media_type) for media_type, data in uploads]
        return JSONResponse({"urls": [f"{self.origin(request)}/files/{path}" for path in paths]})

    async def credit_balance(self, request: Request) -> Response:
        return JSONResponse({"credits": self.account(request).balance, "free-credits": 0})

    async def not_allowed(self, _request: Request) -> Response:
        return self.error(405)


def _work(slug: str, params: Json, count: int) -> Work:
    model = table("segmind")[slug]
    request_id = str(uuid.uuid4())
    usual_format, usual_quality = model["usual_format"], model["usual_quality"]
    quality = params.get("output_quality", params.get("output_compression"))
    size_px = None
    if slug == "ic-light":
        width_px, height_px = params.get("width", 512), params.get("height", 640)
        size_px = ic_light_size(width_px, height_px, params.get("highres_scale", 1.5))
    return Work(
        job_id=request_id,
        model=slug,
        params=params,
        amount=round(model["price_usd"] * count, 6),
        duration_s=model["usual_s"],
        inputs=tuple(params[name] for name in model["pictures"] if params.get(name)),
        path=f"segmind/output/{request_id}{{nth}}.{{ext}}",
        file_format=params.get("output_format", params.get("image_format", usual_format)),
        count=count,
        size_px=size_px,
        quality=quality or usual_quality,
        light=" ".join(
            str(params[word])
            for word in ("light_source", "light_direction", "prompt")
            if word in params
        ),
        seed=params.get("seed"),
    )


def _failure(job: Job) -> Response:
    """422, billing fields left out because nothing was charged."""
    body = {"request_id": job.id, "status": "FAILED", **job.error_field()}
    return JSONResponse({**body, "metrics": _timings(job)}, 422)


def _timings(job: Job) -> Json:
    return {
        "inference_time": job.work.duration_s,
        "queue_time": 0.2,
        "total_time": round(job.work.duration_s + 0.2, 3),
    }


def _media(url: str, media_type: str) -> Json:
    return {
        "url": url,
        "content_type": media_type,
        "file_name": url.rsplit("/", 1)[-1],
        "file_size": "0",
    }
