"""The next step of a job: a call that exists, with what this model takes, and its price."""

import re
from typing import Any

import pytest

from mcp_relight.domain.job import Cost, FieldHonesty, Job, JobRequest, Stage, Status
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.lights_json import parse_lights
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.ports import JobPage
from mcp_relight.domain.report import (
    CollateralReport,
    DirectionReport,
    KelvinReport,
    Parts,
    Report,
    StopsReport,
)
from mcp_relight.domain.request import RelightArguments, based_on
from mcp_relight.service.next_steps import after_late_cancel, after_list, next_step

JOB = "job_" + "0123456789abcdef" * 2
LOCAL, REMOTE = "local/classic", "segmind/ic-light"
TAKEN = ("azimuth_deg", "elevation_deg", "kelvin", "softness", "ambient", "exposure_ev", "strength")


def report(verdict: str, *, flaws: tuple[Any, ...] = (), **parts: Any) -> Report:
    return Report(
        verdict=verdict,  # pyright: ignore[reportArgumentType]
        sentence=".",
        parts=Parts(**parts),
        flaws=flaws,
        direction=DirectionReport(confidence=1),
        stops=StopsReport(subject=0, confidence=1),
        kelvin=KelvinReport(confidence=1),
        collateral=CollateralReport(registration=1, crop=0, structure=1, edges=0, confidence=1),
    )


def job(
    measured: Report | None = None,
    *,
    model: str = LOCAL,
    stage: Stage = "succeeded",
    takes: tuple[str, ...] = TAKEN,
    how: Any = "honoured",
    lighting: Lighting | None = None,
    **more: Any,
) -> Job:
    usd = 0.0 if model == LOCAL else 0.037
    request = JobRequest(
        model=model,
        image_id="0" * 32,
        image_name="mug",
        lighting=lighting or Lighting(lights=(Light(azimuth_deg=-60, kelvin=3200),), ambient=0.3),
        fields=tuple(
            FieldHonesty(name=name, how=how if name in takes else "ignored") for name in TAKEN
        ),
        output_dir="out",
        estimate=Cost(usd=usd),
        **{name: more.pop(name) for name in ("asked", "mask_id", "seed", "finish") if name in more},
    )
    return Job(
        job_id=JOB,
        owner="local",
        provider=model.partition("/")[0],
        model=model,
        stage=stage,
        request=request,
        created_at=0,
        updated_at=0,
        due_at=0,
        report=measured,
        **more,
    )


def call_in(step: str) -> dict[str, str]:
    """The arguments of the call that a step names."""
    match = re.search(r"relight_image with (based_on=.*?)(?: \(|\.(?: |$)| starts)", step)
    assert match is not None, step
    return dict(pair.split("=", 1) for pair in match[1].split(", "))


@pytest.mark.parametrize(
    ("measured", "change"),
    [
        (report("weaker", direction="weaker"), {"strength": "+30%"}),
        (report("weaker", contrast="weaker"), {"strength": "+30%"}),
        (report("weaker", colour="weaker"), {"kelvin": "-20%"}),
        (report("weaker"), {"strength": "+30%"}),
        (report("stronger"), {"strength": "-40%"}),
        (report("flawed", flaws=("posterized",)), {"strength": "-30%"}),
        (report("flawed", flaws=("clipped",)), {"exposure_ev": "-0.5"}),
        (report("flawed", flaws=("noise",)), {"strength": "-30%"}),
    ],
)
def test_the_better_call_is_one_that_can_be_made(measured: Report, change: dict[str, str]) -> None:
    base = job(measured)
    step = next_step(base)
    assert call_in(step) == {"based_on": JOB} | change
    assert "(free)" in step
    arguments = RelightArguments.parse(call_in(step))
    whole, warnings = based_on(arguments, base.request, same_picture=True)
    assert not list(warnings)
    (after,) = whole.lightings()
    assert after != base.request.lighting


@pytest.mark.parametrize("strength", [0.0, 0.05, 1.0, 1.15, 1.16, 1.4, 1.5])
@pytest.mark.parametrize("verdict", ["weaker", "stronger"])
@pytest.mark.parametrize("ambient", [0.0, 0.12, 1.0, 2.7, 4.0])
def test_a_step_never_leaves_the_limits(strength: float, verdict: str, ambient: float) -> None:
    lighting = Lighting(
        lights=(Light(kelvin=1600, azimuth_deg=40),), strength=strength, ambient=ambient
    )
    for takes in (TAKEN, ("strength",), ("ambient",), ("kelvin",)):
        base = job(report(verdict, direction="weaker"), lighting=lighting, takes=takes)
        if "strength=" in (step := next_step(base)) or "ambient=" in step:
            arguments = RelightArguments.parse(call_in(step))
            whole, _ = based_on(arguments, base.request, same_picture=True)
            whole.lightings()


@pytest.mark.parametrize("kelvin", [1500, 1800, 3200, 9000, 16_000, 20_000])
def test_a_further_tone_stays_a_tone(kelvin: float) -> None:
    base = job(report("weaker", colour="weaker"), lighting=Lighting(lights=(Light(kelvin=kelvin),)))
    arguments = RelightArguments.parse(call_in(next_step(base)))
    whole, _ = based_on(arguments, base.request, same_picture=True)
    (after,) = whole.lightings()
    assert after != base.request.lighting


def test_it_names_only_what_the_model_takes() -> None:
    for verdict in ("weaker", "stronger"):
        step = next_step(job(report(verdict, direction="weaker"), model=REMOTE, takes=()))
        assert call_in(step) == {"based_on": JOB, "model": LOCAL}
        assert "(free)" in step


def test_a_paid_retry_says_what_it_costs() -> None:
    step = next_step(job(report("weaker"), model=REMOTE))
    assert "(costs up to $0.037 again)" in step
    step = next_step(job(report("changed content"), model=REMOTE, finish="as-returned"))
    assert call_in(step)["finish"] == "light-only"
    wrong = report("wrong direction", direction="wrong")
    step = next_step(job(wrong, model=REMOTE, finish="auto"), is_seeded=True)
    assert call_in(step)["seed"] == "<another>"
    step = next_step(job(wrong, model=REMOTE, seed=3, finish="auto"))
    assert call_in(step)["model"] == LOCAL, "this model takes no seed, it only told one"


def test_nobody_is_told_to_pay_again_for_what_the_model_cannot_do() -> None:
    blind = job(report("weaker", colour="weaker"), model=REMOTE, takes=("strength",))
    assert call_in(next_step(blind, is_seeded=True))["model"] == LOCAL


def test_a_model_that_is_told_in_words_gets_steps_that_words_can_tell() -> None:
    worded = job(report("weaker", direction="weaker"), model=REMOTE, how="approximated")
    assert call_in(next_step(worded))["ambient"] == "0.05"
    worded = job(report("weaker", colour="weaker"), model=REMOTE, how="approximated")
    assert call_in(next_step(worded))["kelvin"] == "2400"


def test_damage_at_the_outline_is_mended_by_a_mask_where_none_was_given() -> None:
    halo = report("flawed", flaws=("halo",))
    assert call_in(next_step(job(halo)))["mask"].startswith("<picture")
    assert call_in(next_step(job(halo, mask_id="1" * 32)))["strength"] == "-30%"
    assert call_in(next_step(job(halo, model=REMOTE, finish="auto")))["finish"] == "as-returned"


def test_what_is_as_asked_needs_no_other_call() -> None:
    for measured in (None, report("as asked"), report("not judged")):
        step = next_step(job(measured))
        assert "relight_image" not in step
        assert "view_image" in step
    assert "its siblings" in next_step(job(None, siblings=("job_x",)))


@pytest.mark.parametrize("verdict", ["not judged", "weaker"])
def test_colors_left_out_of_a_gray_photo_are_to_be_named(verdict: str) -> None:
    """Of a look: in lights of one's own they are named already."""
    look = LOOKS["neon"].lighting
    gray = job(report(verdict, direction="not measurable"), lighting=look)
    lights = parse_lights(call_in(next_step(gray))["lights"])
    assert [light.color for light in lights] == [light.color for light in look.lights]
    own = job(gray.report, lighting=look.model_copy(update={"look": None}))
    assert "lights=" not in next_step(own)


def test_every_other_status_has_a_step_of_its_own() -> None:
    assert "get_job" in next_step(job(stage="running", note="Rendering."))
    assert "cancel_job" in next_step(job(stage="submit_unknown"))
    assert call_in(next_step(job(stage="cancelled"))) == {"based_on": JOB}
    assert "relight_image" in next_step(job(stage="failed"))


@pytest.mark.parametrize("stage", ["succeeded", "failed", "cancelled", "expired"])
def test_a_late_wish_to_cancel_is_told_so(stage: Stage) -> None:
    words = after_late_cancel(job(stage=stage))
    assert words.startswith("Nothing was cancelled")


def test_a_side_that_only_got_darker_wants_more_light() -> None:
    """Less fill would make it darker still."""
    dim = report("weaker", direction="as asked", contrast="weaker")
    fallen = dim.model_copy(update={"stops": StopsReport(subject=-1.2, confidence=1)})
    assert "exposure_ev=+0.5" in next_step(job(fallen))
    assert "exposure_ev" not in next_step(job(dim))


def test_where_no_change_would_help_the_step_is_still_a_call() -> None:
    wrong = report("wrong direction", direction="wrong")
    step = next_step(job(wrong, mask_id="1" * 32))
    assert f"plan_relight with based_on={JOB}" in step


@pytest.mark.parametrize(
    ("jobs", "cursor", "status", "named"),
    [
        (1, "older", None, "cursor"),
        (1, None, None, "get_job"),
        (0, None, "failed", "without status"),
        (0, None, None, "relight_image"),
    ],
)
def test_a_list_names_a_call_that_can_be_made(
    jobs: int, cursor: str | None, status: Status | None, named: str
) -> None:
    page = JobPage(jobs * (job(),), cursor)
    assert named in after_list(page, status)
