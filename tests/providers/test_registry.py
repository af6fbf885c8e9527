"""Models by name, plug-ins that fail, and plans that send nothing."""

import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import SecretStr

from mcp_relight.domain.exchange import Picture
from mcp_relight.domain.lighting import Lighting
from mcp_relight.domain.models import ModelSpec
from mcp_relight.errors import NeedsPublicUrl, UnknownModel
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.registry import GROUP, Account, Registry, installed
from mcp_relight.providers.segmind import Segmind

from .calls import call

PRODUCT_MODELS = [
    "local/classic",
    "pixeldojo/image-relighting",
    "pixeldojo/image-relighting:nano-banana-pro",
    "pixeldojo/image-relighting:nano-banana-2",
    "pixeldojo/image-relighting:qwen-image-edit",
    "pixeldojo/p-image-edit",
    "pixeldojo/flux-2-klein-4b",
    "pixeldojo/qwen-image-2-edit",
    "pixazo/pixelforge-relighting",
    "pixazo/pixelforge-image",
    "segmind/ic-light",
    "segmind/segmind-relighting",
    "segmind/segmind-relighting-v2",
    "segmind/qwen-image-edit-plus-relight",
]


def registry(**keys: str) -> Registry:
    def account_of(adapter: Adapter) -> Account:
        if (key := keys.get(adapter.name)) is None:
            return Account(adapter=adapter)
        named = f"id-{adapter.name}"
        return Account(adapter=adapter, key=SecretStr(key), credential_id=named)

    return Registry(account_of)


@pytest.mark.parametrize("model", PRODUCT_MODELS)
def test_every_model_of_the_product_can_be_named(model: str) -> None:
    spec = registry().spec(model)
    assert spec.id == model
    assert spec.relights


@pytest.mark.parametrize(
    "model", ["pixeldojo/hunyuan-3d", "pixeldojo/dreamina", "pixeldojo/p-video"]
)
def test_models_that_cannot_relight_are_there_and_say_so(model: str) -> None:
    assert not registry().spec(model).relights


def test_all_models_the_source_documents_list_are_there_once() -> None:
    ids = [spec.id for spec in registry().specs()]
    assert len(ids) == len(set(ids))
    counted = Counter(name.partition("/")[0] for name in ids)
    # Of PixelDojo 71 image and 61 video models, and three more routes.
    assert (counted["pixeldojo"], counted["pixazo"], counted["segmind"]) == (71 + 61 + 3, 2, 4)
    assert counted["local"] == 1


def test_prices_carry_their_source_and_only_the_local_engine_is_free() -> None:
    for spec in registry().specs():
        assert spec.price.source, spec.id
        assert spec.is_paid == (spec.id != "local/classic")


def test_an_unknown_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match='"segmind/ic-light"'):
        registry().spec("segmind/iclight")


def test_a_missing_key_is_named_and_the_local_engine_needs_none() -> None:
    models = registry(segmind="SG_1", pixazo="  ")
    assert models.ready("local") is None
    assert models.ready("segmind") is None
    assert str(models.ready("pixeldojo")).startswith("PIXELDOJO_API_KEY is not set.")
    assert str(models.ready("pixazo")).startswith("PIXAZO_API_KEY")
    assert models.ready("nobody") is not None


def test_credentials_are_named_without_the_key() -> None:
    models = registry(segmind="SG_SECRET")
    assert models.credential_id("segmind") == "id-segmind"
    assert models.credential_id("pixazo") is None
    assert "SG_SECRET" not in repr(models) + repr(vars(models))


def test_an_estimate_counts_every_picture_at_the_upper_bound() -> None:
    cost = registry().estimate("segmind/segmind-relighting-v2", {}, 3)
    assert cost.usd == pytest.approx(0.999)


def test_a_draft_is_the_body_without_the_picture() -> None:
    picture = Picture(640, 480, "image/png", image_id="a" * 32)
    draft = registry().draft(call("segmind/ic-light", images=(picture,)))
    assert draft.request["subject_image"] == "(the picture)"
    assert draft.request["light_source"] == "Left Light"
    assert {entry.name for entry in draft.fields} >= {"azimuth_deg", "kelvin", "softness"}


def test_a_draft_for_a_model_known_only_by_schema_needs_no_schema() -> None:
    draft = registry().draft(call("pixeldojo/flux-2-pro"))
    assert draft.request["image_url"] == "(the picture)"
    assert "warm golden light" in str(draft.request["prompt"])


def test_a_draft_for_the_local_engine_shows_its_parameters() -> None:
    models = registry()
    params = models.spec("local/classic").check({"specular": 0.5})
    draft = models.draft(call("local/classic", params=params))
    assert draft.request["specular"] == 0.5
    assert {entry.how for entry in draft.fields} == {"honoured"}


@pytest.mark.parametrize(
    "spec", [spec for spec in registry().specs() if spec.relights], ids=lambda spec: spec.id
)
def test_every_model_that_relights_can_be_planned(spec: ModelSpec) -> None:
    lighting = Lighting(lights=call(spec.id).lighting.lights, prompt="a calm evening")
    draft = registry().draft(call(spec.id, lighting=lighting, params=spec.check({})))
    assert draft.fields


class Nameless(Segmind):
    """An adapter whose author forgot a name."""

    key_variable = ""
    name = ""


def test_a_plug_in_that_fails_is_shown_and_harms_nobody() -> None:
    points = (
        EntryPoint("broken", "no_such_package_here:Thing", GROUP),
        EntryPoint("wrong", "mcp_relight.domain.looks:LOOKS", GROUP),
        EntryPoint("nameless", f"{__name__}:Nameless", GROUP),
    )
    models = Registry(plug_ins=lambda: points)
    assert [spec.id for spec in models.specs()] == ["local/classic"]
    assert [problem.plug_in for problem in models.problems()] == ["broken", "wrong", "nameless"]
    assert "ModuleNotFoundError" in models.problems()[0].words


def test_the_built_in_providers_are_those_of_the_project_file() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    declared = project["project"]["entry-points"][GROUP]
    built_in = {point.name: point.value for point in installed() if point.name in declared}
    assert built_in == declared


def test_planning_loads_no_http_client() -> None:
    code = (
        "import sys; from mcp_relight.providers.registry import Registry; Registry().specs();"
        "sys.exit('httpx2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("model", "needs_address"),
    [
        ("pixeldojo/image-relighting", True),
        ("pixazo/pixelforge-image", True),
        ("segmind/ic-light", False),
        ("local/classic", False),
    ],
)
def test_a_picture_that_the_provider_could_not_read_is_known_beforehand(
    model: str, needs_address: bool
) -> None:
    file = Picture(640, 480, "image/png", image_id="a" * 32)
    address = Picture(640, 480, "image/png", url="https://example.com/a.png")
    with_bucket = Registry(has_bucket=True)
    with_bucket.check_readable(call(model, images=(file,)))
    registry().check_readable(call(model, images=(address,)))
    for pictures in (
        {"images": (file,)},
        {"images": (address,), "extra_images": {"reference_image_1": file}},
    ):
        if needs_address:
            with pytest.raises(NeedsPublicUrl, match="public https"):
                registry().check_readable(call(model, **pictures))
        else:
            registry().check_readable(call(model, **pictures))
