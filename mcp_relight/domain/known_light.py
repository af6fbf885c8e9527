"""What is measured of a picture's own light: once, and the same for whoever asks."""

from pydantic import ValidationError

from .ports import Images, Pixels
from .report import MEASURE_VERSION, LightAnalysis


async def known_light(images: Images, pixels: Pixels, image_id: str) -> LightAnalysis:
    """The light of a stored picture. Raises ImageNotFound and the errors of `Pixels`."""
    key = f"light-{MEASURE_VERSION}-{image_id}"
    stored = await images.cached(key)
    if stored is not None:
        try:
            return LightAnalysis.model_validate_json(stored)
        except ValidationError:
            pass  # damaged on disk: measured anew
    light = await pixels.analyze(await images.read(image_id))
    await images.cache(key, light.model_dump_json().encode())
    return light
