"""Does the local engine work here, and with the user's own shape model?"""

from dataclasses import dataclass

import anyio

from mcp_relight.domain.image import RenderTask, ShapeModel
from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.ports import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTrial:
    """A sample that was relit; `refused` says why the shape model was not used, if one is set."""

    seconds: float
    shape_model: ShapeModel | None
    refused: tuple[str, ...]


async def try_engine(pixels: Pixels, model: ShapeModel | None, sample: bytes) -> EngineTrial:
    """Relight a sample in memory."""
    clean = await pixels.inspect(sample)
    task = RenderTask(image=clean.data, lighting=LOOKS["golden_hour"].lighting, shape_model=model)
    started = anyio.current_time()
    result = await pixels.render(task)
    return EngineTrial(
        seconds=anyio.current_time() - started,
        shape_model=model,
        refused=() if result.mode == "shape_model" else result.warnings,
    )
