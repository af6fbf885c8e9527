"""A client of each simulated provider, for the tests here."""

from dataclasses import dataclass
from typing import Any

import httpx2

from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.faults import KINDS, Family

INPUT_URL = "https://example.com/photo.jpg"
BODIES: dict[str, dict[str, Any]] = {
    "pixeldojo": {"subject_image": INPUT_URL, "width": "256", "height": "256"},
    "pixazo": {"prompt": "soft window light", "image_urls": [INPUT_URL], "image_size": "square"},
    "segmind": {"prompt": "a mug", "subject_image": INPUT_URL, "width": 256, "height": 256},
}
SUBMIT = {
    "pixeldojo": "/api/v1/models/image-relighting/run",
    "pixazo": "/pixelforge-relighting-api/v1/relighting/generate",
    "segmind": "/v2/ic-light",
}
STATUS = {
    "pixeldojo": "/api/v1/jobs/{}",
    "pixazo": "/v2/requests/status/{}",
    "segmind": "/v2/requests/{}/status",
}
ID_FIELD = {"pixeldojo": "jobId", "pixazo": "request_id", "segmind": "request_id"}


def kinds(family: Family) -> set[str]:
    """The names of every fault of that family."""
    return {kind.name for kind in KINDS.values() if kind.family == family}


@dataclass
class Caller:
    """Speaks one provider's dialect over a real socket."""

    simulator: SimulatorHandle
    client: httpx2.Client
    provider: str

    @property
    def headers(self) -> dict[str, str]:
        key = self.simulator.keys[self.provider]
        return {
            "pixeldojo": {"authorization": f"Bearer {key}"},
            "pixazo": {"ocp-apim-subscription-key": key, "cache-control": "no-cache"},
            "segmind": {"x-api-key": key},
        }[self.provider]

    def post(self, path: str, body: Any, **more: Any) -> httpx2.Response:
        url = self.simulator.urls[self.provider] + path
        return self.client.post(url, json=body, headers=self.headers, **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        url = self.simulator.urls[self.provider] + path
        return self.client.get(url, headers=self.headers, **more)

    def submit(self, **changes: Any) -> httpx2.Response:
        return self.post(SUBMIT[self.provider], {**BODIES[self.provider], **changes})

    def start(self, **changes: Any) -> str:
        """The id of a job the provider accepted."""
        response = self.submit(**changes)
        assert response.status_code in (200, 202), response.text
        return response.json()[ID_FIELD[self.provider]]

    def poll(self, job_id: str) -> httpx2.Response:
        return self.get(STATUS[self.provider].format(job_id))

    def outcome(self, job_id: str) -> dict[str, Any]:
        """The reply that carries the result of a finished job."""
        path = "/v2/requests/{}" if self.provider == "segmind" else STATUS[self.provider]
        return self.get(path.format(job_id)).json()

    def picture_url(self) -> str:
        """The address of a finished job's picture."""
        body = self.outcome(self.start())
        found = {
            "pixeldojo": lambda: body["output"]["images"][0],
            "pixazo": lambda: body["output"]["media_url"][0],
            "segmind": lambda: body["output"],
        }
        return found[self.provider]()
