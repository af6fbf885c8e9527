"""A provider of another package is listed, keyed and named in rows like a built-in one."""

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from PIL import Image

from mcp_relight.bootstrap import Application, Parts
from mcp_relight.config import Settings
from mcp_relight.domain.exchange import Call, Request
from mcp_relight.domain.models import ModelSpec
from mcp_relight.domain.request import PlanArguments
from mcp_relight.errors import ModelNotReady
from mcp_relight.providers import registry
from mcp_relight.providers.segmind import Segmind

from .calls import call


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segmind's adapter once more, as if another package brought it under another name."""
    point = EntryPoint("acme", "tests.providers.acme:Acme", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: (point,))


@pytest.mark.usefixtures("plugged_in")
def test_the_key_comes_from_the_variable_the_plug_in_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without = Parts(Settings.load(data_dir=tmp_path))
    assert "ACME_API_KEY" in str(without.registry.ready("acme"))
    monkeypatch.setenv("ACME_API_KEY", "acme-canary-1")
    parts = Parts(Settings.load(data_dir=tmp_path))
    assert parts.registry.ready("acme") is None
    assert parts.registry.credential_id("acme") in parts.credentials
    assert parts.fingerprint != without.fingerprint
    assert "acme-canary-1" not in repr(parts.access)


@pytest.mark.parametrize("name", ["better-light", "segmind"])
def test_a_plug_in_never_takes_the_place_and_the_key_of_another_provider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    point = EntryPoint(name, "tests.providers.acme:Impostor", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: (point,))
    parts = Parts(Settings.load(data_dir=tmp_path, segmind_api_key="SG_1"))
    assert [problem.plug_in for problem in parts.registry.problems()] == [name]
    assert {adapter.origin for adapter in parts.registry.adapters()} == {
        "https://api.segmind.com",
        "https://gateway.pixazo.ai",
        "https://pixeldojo.ai",
    }


def test_a_plug_in_that_trips_over_a_call_is_refused_and_harms_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point = EntryPoint("clumsy", "tests.providers.acme:Clumsy", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: (point,))
    models = Parts(Settings.load(data_dir=tmp_path)).registry
    with pytest.raises(ModelNotReady, match="clumsy/lamp"):
        models.draft(call("clumsy/lamp"))
    assert models.draft(call("segmind/ic-light")).request["prompt"]


class Thirteenth(Segmind):
    """Segmind's first model once more: one more that is made for relighting."""

    name, key_variable, origin = "acme", "ACME_API_KEY", "https://api.acme.invalid"

    def specs(self) -> tuple[ModelSpec, ...]:
        return (replace(super().specs()[0], id="acme/lamp"),)

    def submit(self, call: Call) -> Request:
        return super().submit(replace(call, model=super().specs()[0].id))


@pytest.mark.anyio
async def test_every_model_made_for_relighting_has_a_place_in_a_plan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point = EntryPoint("acme", f"{__name__}:Thirteenth", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: (point,))
    photo = tmp_path / "mug.png"
    Image.new("RGB", (64, 64), (90, 80, 70)).save(photo)
    settings = Settings.load(data_dir=tmp_path / "data", allowed_dirs=(tmp_path,))
    async with Application(settings) as application:
        service = await application.service()
        arguments = PlanArguments.parse({"image": str(photo), "light_from": "left"})
        plan, _ = await service.plan(arguments)
        specs = Parts(settings).registry.specs()
    made_for_it = {spec.id for spec in specs if spec.relights and not spec.is_general}
    assert "acme/lamp" in made_for_it
    assert made_for_it <= {candidate.model for candidate in plan.candidates}
