"""A provider of another package is listed, keyed and named in rows like a built-in one."""

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
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

from .acme import Acme
from .calls import call


def plug_in(monkeypatch: pytest.MonkeyPatch, name: str, adapter: str) -> None:
    """As if another package, found before this one, brought an adapter."""
    point = EntryPoint(name, adapter, registry.GROUP)
    found = (point, *entry_points(group=registry.GROUP))
    monkeypatch.setattr(registry, "entry_points", lambda group: found)


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segmind's adapter once more, as if another package brought it under another name."""
    plug_in(monkeypatch, "acme", "tests.providers.acme:Acme")


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
    assert "acme-canary-1" not in repr(parts.registry.accounts())


@pytest.mark.usefixtures("plugged_in")
def test_a_plug_in_has_a_key_file_an_address_and_a_rate_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text("acme-canary-2\n")
    monkeypatch.setenv("ACME_API_KEY_FILE", str(file))
    plain = Parts(Settings.load(data_dir=tmp_path)).registry.account("acme")
    assert (plain.origin, plain.rate.per_minute) == (Acme.origin, Acme.per_minute)
    monkeypatch.setenv("MCP_RELIGHT_ACME_URL", "http://127.0.0.1:9/gateway/")
    monkeypatch.setenv("MCP_RELIGHT_ACME_RPM", "7")
    parts = Parts(Settings.load(data_dir=tmp_path))
    account = parts.registry.account("acme")
    assert account.key is not None
    assert account.key.get_secret_value() == "acme-canary-2"
    assert account.origin == "http://127.0.0.1:9/gateway"
    assert (account.rate.per_minute, account.rate.burst) == (7, Acme.burst)
    assert account.rate.name == account.credential_id != plain.credential_id
    assert parts.remotes["acme"].rate == account.rate
    assert parts.settings.unknown_variables(["acme"]) == {}
    assert "MCP_RELIGHT_ACME_URL" in parts.settings.unknown_variables([])


@pytest.mark.usefixtures("plugged_in")
def test_the_rate_of_one_provider_is_no_other_s(tmp_path: Path) -> None:
    chosen = Settings.load({"MCP_RELIGHT_PIXELDOJO_RPM": "3"}, data_dir=tmp_path)
    accounts = {one.name: one.rate.per_minute for one in Parts(chosen).registry.accounts()}
    assert accounts == {"pixazo": 60, "pixeldojo": 3, "segmind": 60, "acme": Acme.per_minute}


@pytest.mark.usefixtures("plugged_in")
def test_a_key_file_that_cannot_be_used_stops_its_provider_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ACME_API_KEY_FILE", str(tmp_path / "none"))
    models = Parts(Settings.load({"SEGMIND_API_KEY": "SG_1"}, data_dir=tmp_path)).registry
    assert str(models.ready("acme")).startswith("ACME_API_KEY_FILE names a file")
    assert models.ready("segmind") is None


@pytest.mark.parametrize("name", ["better-light", "segmind"])
def test_a_plug_in_never_takes_the_place_and_the_key_of_another_provider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    plug_in(monkeypatch, name, "tests.providers.acme:Impostor")
    parts = Parts(Settings.load({"SEGMIND_API_KEY": "SG_1"}, data_dir=tmp_path))
    assert [problem.plug_in for problem in parts.registry.problems()] == [name]
    assert {adapter.origin for adapter in parts.registry.adapters()} == {
        "https://api.segmind.com",
        "https://gateway.pixazo.ai",
        "https://pixeldojo.ai",
    }


def test_a_plug_in_that_trips_over_a_call_is_refused_and_harms_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plug_in(monkeypatch, "clumsy", "tests.providers.acme:Clumsy")
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
    plug_in(monkeypatch, "acme", f"{__name__}:Thirteenth")
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
