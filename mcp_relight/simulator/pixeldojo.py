"""PixelDojo's API: https://pixeldojo.ai/api/v1, asynchronous jobs paid in credits.

Paths, shapes and the error codes follow its llm.txt and the pages of image-relighting and
p-image-edit. Documented nowhere, and so assumed: the error envelope (the 2025 one), the shape of
the job list, and what the model_type routes of image-relighting cost.
"""

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_relight.simulator.api import Answered, Api, Json
from mcp_relight.simulator.jobs import UNKNOWN_WORD, YEAR_S, Job, Stage, Work, iso
from mcp_relight.simulator.middleware import route
from mcp_relight.simulator.pixeldojo_models import Model, catalog, new_model, whole

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


class PixelDojo(Api):
    name = "pixeldojo"
    id_field = "jobId"
    url_fields = ("statusUrl",)

    def routes(self) -> list[Route]:
        models, jobs = "/api/v1/models", "/api/v1/jobs"
        return [
            route(self, "catalogue", models, self.list_models),
            route(self, "catalogue", f"{models}/{{model}}", self.model_card),
            route(self, "catalogue", f"{models}/{{model}}/schema", self.model_schema),
            route(self, "submit", f"{models}/{{model}}/run", self.run, "POST"),
            route(self, "catalogue", jobs, self.list_jobs),
            route(self, "poll", f"{jobs}/{{job}}", self.get_job),
            route(self, "poll", f"{jobs}/{{job}}/webhook", self.replay_webhook, "POST"),
        ]

    def error(self, status: int, text: str = "", code: str = "") -> Response:
        usual = CODES.get(status, ("error", f"Request failed with status {status}"))
        message = usual[1] if text in ("", "missing") else text
        error = {"code": code or usual[0], "message": message, "status": status}
        return JSONResponse({"error": error}, status)

    def no_credits(self, need: float) -> Response:
        return self.error(402, f"Insufficient credits. Required: {whole(need)}")

    def unfit(self, rule: str, text: str) -> Response:
        return self.error(400, text, "invalid_json" if rule == "json" else "")

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return key.strip() or None if scheme.lower() == "bearer" else None

    def reset_header(self, moment: float) -> dict[str, str]:
        return {
            "x-ratelimit-limit": "60",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(moment) + 1),
        }

    def _offered(self) -> dict[str, Model]:
        return catalog() | {name: new_model(name) for name in self.sim.settings.new_models}

    def _model(self, request: Request) -> Model:
        model = self._offered().get(request.path_params["model"])
        if model is None:
            raise Answered(self.error(404, "Model not found"))
        return model

    async def list_models(self, request: Request) -> Response:
        models = list(self._offered().values())
        detailed = request.query_params.get("detailed") == "true"
        images = sum(model.modality == "image" for model in models)
        return JSONResponse(
            {
                "models": [model.card(detailed=detailed) for model in models],
                "total": len(models),
                "imageCount": images,
                "videoCount": len(models) - images,
            }
        )

    async def model_card(self, request: Request) -> Response:
        return JSONResponse(self._model(request).card(detailed=True))

    async def model_schema(self, request: Request) -> Response:
        return JSONResponse({"schema": self._model(request).schema})

    async def run(self, request: Request) -> Response:
        account = self.account(request)
        model = self._model(request)
        hook = {"webhook_url": {"type": "string", "format": "uri"}}
        schema = {**model.schema, "properties": {**model.schema["properties"], **hook}}
        params = await self.params(request, schema)
        job = await self.started(request, account, self._work(model, params))
        if "webhook_url" in params:
            await self.caller.promise(job, params["webhook_url"])
        submitted: Json = {
            "jobId": job.id,
            "status": "pending",
            "statusUrl": f"{self.base(request)}/api/v1/jobs/{job.id}",
            "creditCost": whole(job.work.amount),
            "creditsRemaining": whole(account.balance),
            **_expires(job),
        }
        if not (job.ends_at_once or model.answers_at_once):
            return JSONResponse(submitted, 202)
        stage = await self.sim.carry_out(job)
        body = {**submitted, **_job_body(job, stage, self.origin(request))}
        return self.outcome(request, body, 202)

    def _work(self, model: Model, params: Json) -> Work:
        given: str | list[str] = params.get(model.picture_field or "", [])
        name = f"{int(self.sim.now())}-{secrets.randbelow(10**9):09d}"
        return Work(
            job_id=f"job_{secrets.token_hex(12)}",
            model=model.api_id,
            params=params,
            amount=model.cost(params),
            duration_s=USUAL_SECONDS,
            inputs=(given,) if isinstance(given, str) else tuple(given),
            path=f"pixeldojo/pixeldojotemp/{name}{{nth}}.{{ext}}",
            file_format=params.get("output_format", "png"),
            count=int(params.get("number_of_images", params.get("n", 1))),
            size_px=model.size_px(params),
            quality=params.get("output_quality", 100) or 1,
            light=f"{params.get('light_source', '')} {params.get('prompt', '')}",
            seed=params.get("seed"),
        )

    def _known_job(self, request: Request) -> Job:
        job = self.job(request, request.path_params["job"])
        if job is None:
            raise Answered(self.error(404, "Job not found"))
        return job

    async def get_job(self, request: Request) -> Response:
        job = self._known_job(request)
        stage = self.sim.observe(job)
        if stage == "expired":
            raise Answered(self.error(410))
        return self.answer(request, stage, _job_body(job, stage, self.origin(request)))

    async def list_jobs(self, request: Request) -> Response:
        """The key's newest jobs; looking at the list moves none of them on."""
        account = self.account(request)
        asked = request.query_params.get("limit", "10")
        if not (asked.isdecimal() and 1 <= int(asked) <= 100):
            raise Answered(self.error(400, "limit must be between 1 and 100"))
        newest = self.sim.jobs_of(self.name, account.key)[: int(asked)]
        return JSONResponse({"jobs": [self._row(job, self.origin(request)) for job in newest]})

    def _row(self, job: Job, origin: str) -> Json:
        stage = self.sim.glance(job)
        body = _job_body(job, stage, origin) if stage != "expired" else {"jobId": job.id}
        return {
            **body,
            "status": WORDS.get(stage, "expired"),
            "apiId": job.work.model,
            "createdAt": job.timestamp(job.created_at),
        }

    async def replay_webhook(self, request: Request) -> Response:
        """Accepted and ignored: this simulator calls nobody."""
        job = self._known_job(request)
        return JSONResponse({"jobId": job.id, "webhook": {"status": "ignored"}})


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
    return {**body, "creditCost": whole(job.work.amount), **_expires(job)}
