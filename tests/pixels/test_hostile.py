"""Hostile files: each is answered as it must be, by a child that lives on."""

import json
import random
from pathlib import Path

import pytest

from mcp_relight.errors import RequestError
from mcp_relight.pixels.client import PixelChild

from .pictures import encoded, exif, photo, srgb_profile

pytestmark = pytest.mark.anyio

CODES = {
    "unsupported_format": "image_unsupported",
    "corrupt": "image_corrupt",
    "empty": "image_corrupt",
    "too_many_pixels": "image_too_large",
    "bad_dimensions": "image_too_large",
    "too_large": "image_too_large",
}
"""The corpus's words for a refusal, and ours."""


async def test_every_file_of_the_corpus_is_answered_as_its_manifest_says(
    pixels: PixelChild, shared: Path
) -> None:
    folder = shared / "data" / "hostile" / "images"
    if not folder.is_dir():
        pytest.skip("needs the hostile images of the development data, which are not here")
    manifest = json.loads((folder / "manifest.json").read_text())
    await pixels.inspect(encoded(photo(), "PNG"))
    child = pixels.pid
    wrong = list[str]()
    for name, entry in manifest.items():
        answer = await answered(pixels, (folder / name).read_bytes())
        if not fits(entry, answer):
            wrong.append(f"{name}: wants {entry['want']}, gets {answer}")
    assert wrong == []
    assert len(manifest) >= 50
    assert pixels.pid == child


def fits(entry: dict[str, object], answer: str | list[int]) -> bool:
    want = str(entry["want"])
    if want == "either":
        return True
    if want == "ok":
        return answer == entry["size"]
    return answer == CODES[want.removeprefix("reject:")]


async def answered(pixels: PixelChild, data: bytes) -> str | list[int]:
    """The size found, or the code of the refusal; any other error fails the test."""
    try:
        found = await pixels.inspect(data)
    except RequestError as error:
        return error.code
    return [found.width, found.height]


SEEDS = [
    encoded(photo(), "PNG", icc_profile=srgb_profile()),
    encoded(photo(mode="P"), "PNG"),
    encoded(photo(), "JPEG", exif=exif(6), icc_profile=srgb_profile()),
    encoded(photo(), "WEBP"),
    encoded(photo(), "AVIF"),
    encoded(photo(), "GIF", save_all=True, append_images=[photo(mode="L")]),
]


async def test_changed_bytes_never_end_the_child(
    pixels: PixelChild, request: pytest.FixtureRequest
) -> None:
    count = 10_000 if request.config.getoption("--full") else 200
    chance = random.Random(7)
    await pixels.inspect(SEEDS[0])
    child = pixels.pid
    accepted = 0
    for number in range(count):
        data = mutated(SEEDS[number % len(SEEDS)], chance)
        try:
            found = await pixels.inspect(data)
        except RequestError:
            continue
        accepted += 1
        again = await pixels.inspect(found.data)
        assert (again.width, again.height) == (found.width, found.height)
    assert pixels.pid == child
    assert 0 < accepted < count


def mutated(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.choice([1, 1, 2, 5, 25])):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                del data[at : at + chance.randrange(1, 40)]
            case _:
                data[at:at] = data[:at][-chance.randrange(1, 40) :]
        if len(data) < 2:
            break
    return bytes(data)
