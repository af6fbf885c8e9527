"""A file means the colors it says: every means, in every format and depth that has it."""

import io
import itertools
import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from mcp_relight.domain.image import RenderTask
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.errors import ImageUnsupported, RequestError
from mcp_relight.pixels import decoding, tasks
from mcp_relight.pixels.bmff import main_picture
from mcp_relight.pixels.colors import from_codes, from_gamma
from mcp_relight.pixels.exif import read_exif
from mcp_relight.pixels.icc import profile_of
from mcp_relight.pixels.photo import read_depth, read_normals, read_photo
from mcp_relight.pixels.profile import to_srgb

from . import color_files as files
from .pictures import encoded, jpeg_segment, jpeg_with, png_chunk, srgb_profile, wide_profile

PICTURE = files.shown()
GREY = files.gray(PICTURE)
AS_IT_IS = Lighting(lights=(Light(),), strength=0)
MOST_LEVELS = 3.5
NO_CODES = (2, 2)

CODES: dict[str, tuple[int, int, str, Any]] = {
    "srgb": (1, 13, "709", files.srgb),
    "display p3": (12, 13, "p3", files.srgb),
    "709 camera curve": (1, 1, "709", files.bt709),
    "601 camera curve": (1, 6, "709", files.bt709),
    "2020 10-bit curve": (9, 14, "2020", files.bt709),
    "2020 12-bit curve": (9, 15, "2020", files.bt709),
    "gamma 2.2": (1, 4, "709", files.power(2.2)),
    "gamma 2.8": (1, 5, "709", files.power(2.8)),
    "p3 gamma 2.2": (12, 4, "p3", files.power(2.2)),
    "linear": (1, 8, "709", files.power(1.0)),
    "linear 2020": (9, 8, "2020", files.power(1.0)),
    "pq": (9, 16, "2020", files.pq),
    "pq in p3": (12, 16, "p3", files.pq),
    "hlg": (9, 18, "2020", files.hlg),
    "nothing": (2, 2, "709", files.srgb),
    "only primaries": (12, 2, "p3", files.srgb),
    "only a curve": (2, 4, "709", files.power(2.2)),
}
FEW = ("display p3", "709 camera curve", "linear", "pq", "hlg", "nothing")


def coded(names: Any) -> dict[str, tuple[bytes, bool]]:
    """Files by name, and whether they are grey."""
    found = dict[str, tuple[bytes, bool]]()
    for name in names:
        primaries, transfer, space, curve = CODES[name]
        numbers = files.signal(PICTURE, space, curve)
        chunk = files.cicp(primaries, transfer)
        for mode, bits in itertools.product(("RGB", "RGBA", "L", "LA"), (8, 16)):
            said = files.signal(GREY, space, curve) if mode[0] == "L" else numbers
            found[f"png {mode} {bits} bits, {name}"] = (
                files.png(said, mode, bits, chunk),
                (mode[0] == "L"),
            )
        found[f"avif, {name}"] = files.with_codes(files.avif(numbers), primaries, transfer), False
    return found


def exif_files() -> dict[str, tuple[bytes, bool]]:
    adobe = files.signal(PICTURE, "adobe", files.power(2.19921875))
    plain = files.image_of(files.signal(PICTURE, "709", files.srgb))
    found = dict[str, tuple[bytes, bool]]()
    for said, exif in {
        "R03": files.color_exif(0xFFFF, b"R03\0"),
        "color space 2": files.color_exif(2, None),
        "uncalibrated": files.color_exif(0xFFFF, None),
    }.items():
        image = files.image_of(adobe)
        best = {"quality": 97, "subsampling": 0, "exif": exif}
        found[f"jpeg, {said}"] = encoded(image, "JPEG", **best), False
        found[f"png, {said}"] = encoded(image, "PNG", exif=exif), False
        found[f"webp, {said}"] = encoded(image, "WEBP", lossless=True, exif=exif), False
        unsaid = files.with_codes(files.avif(adobe, exif=exif), *NO_CODES)
        found[f"avif, {said}"] = unsaid, False
    for said, exif in {
        "R98": files.color_exif(0xFFFF, b"R98\0"),
        "sRGB": files.color_exif(1, None),
        "sRGB, R03": files.color_exif(1, b"R03\0"),
    }.items():
        found[f"jpeg, {said}"] = encoded(plain, "JPEG", quality=97, exif=exif), False
    return found


def gamma_files() -> dict[str, tuple[bytes, bool]]:
    found = dict[str, tuple[bytes, bool]]()
    for exponent, bits in itertools.product((1.0, 1.8, 2.2, 2.4), (8, 16)):
        numbers = files.signal(PICTURE, "709", files.power(exponent))
        said = files.gama(exponent)
        found[f"png {bits} bits, gamma {exponent}"] = files.png(numbers, "RGB", bits, said), False
        level = files.signal(GREY, "709", files.power(exponent))
        found[f"png grey {bits} bits, gamma {exponent}"] = files.png(level, "L", bits, said), True
        adobe = files.signal(PICTURE, "adobe", files.power(exponent))
        both = (said, files.ADOBE_CHRM)
        found[f"png {bits} bits, gamma {exponent}, Adobe's primaries"] = (
            files.png(adobe, "RGB", bits, *both),
            False,
        )
    adobe = files.signal(PICTURE, "adobe", files.srgb)
    found["png, primaries alone"] = files.png(adobe, "RGB", 8, files.ADOBE_CHRM), False
    level = files.signal(GREY, "709", files.power(1.8))
    found["png palette, gamma 1.8"] = files.palette_png(level, files.gama(1.8)), True
    return found


def precedence_files() -> dict[str, tuple[bytes, bool]]:
    p3, plain = (files.signal(PICTURE, name, files.srgb) for name in ("p3", "709"))
    icc = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(wide_profile()))
    said = png_chunk(b"sRGB", b"\0")
    exif = png_chunk(b"eXIf", files.color_exif(0xFFFF, b"R03\0")[6:])
    return {
        "cICP before iCCP": (files.png(plain, "RGB", 8, files.cicp(1, 13), icc), False),
        "iCCP before gAMA": (files.png(p3, "RGB", 8, files.gama(1.0), icc), False),
        "sRGB before gAMA": (files.png(plain, "RGB", 8, files.gama(1.0), said), False),
        "gAMA before EXIF": (files.png(plain, "RGB", 8, files.gama(2.2), exif), False),
        "sRGB before EXIF": (files.png(plain, "RGB", 8, said, exif), False),
        "a broken cICP is none": (files.png(p3, "RGB", 8, files.cicp(9, 16, matrix=9), icc), False),
        "ICC before nclx": (
            files.with_codes(files.avif(p3, icc_profile=wide_profile()), 9, 16),
            False,
        ),
        "nclx before EXIF": (
            files.avif(plain, exif=files.color_exif(0xFFFF, b"R03\0")),
            False,
        ),
        "video range": (
            files.png(
                16 / 255 + files.signal(PICTURE, "2020", files.pq) * 219 / 255,
                "RGB",
                16,
                files.cicp(9, 16, full=False),
            ),
            False,
        ),
    }


def all_files(codes: Any) -> dict[str, tuple[bytes, bool]]:
    return {**coded(codes), **exif_files(), **gamma_files(), **precedence_files()}


def as_shown(result: bytes) -> np.ndarray[Any, Any]:
    """What a viewer makes of a picture and its profile."""
    image = Image.open(io.BytesIO(result))
    assert not {"gamma", "exif"} & set(image.info), "only the profile may say colors"
    profile = image.info.get("icc_profile")
    rgb = image.convert("RGB")
    seen = rgb if profile is None else to_srgb(rgb, profile)
    assert seen is not None
    return np.asarray(seen).astype(float)


def check(data: bytes, is_grey: bool) -> None:
    right = (GREY if is_grey else PICTURE).astype(float)
    found = decoding.inspect(data)
    assert np.abs(read_photo(found.data).rgb - right).mean() <= MOST_LEVELS
    assert np.abs(read_photo(data).rgb - right).mean() <= MOST_LEVELS
    assert decoding.inspect(found.data).data == found.data
    small = decoding.reencode(found.data, None, "image/png").data
    assert np.abs(as_shown(small) - right).mean() <= MOST_LEVELS


SMALL = all_files(FEW)
RENDERED = {
    "png RGB 16 bits, pq": True,
    "png LA 8 bits, linear": True,
    "png RGBA 8 bits, display p3": True,
    "jpeg, R03": True,
    "png RGB 8 bits, nothing": False,
}
"""Files, and whether their results carry a profile."""


@pytest.mark.parametrize("name", SMALL)
def test_the_picture_is_the_one_the_file_shows(name: str) -> None:
    check(*SMALL[name])


@pytest.fixture(scope="module")
def shape() -> bytes | None:
    """What the engine finds in the picture: the same, whatever file it comes in."""
    data, _ = SMALL["png RGB 8 bits, nothing"]
    task = RenderTask(image=decoding.inspect(data).data, lighting=AS_IT_IS)
    return tasks.render(task).analysis


@pytest.mark.parametrize("name", RENDERED)
def test_a_result_shows_the_same_picture_by_its_own_profile(shape: bytes | None, name: str) -> None:
    data, is_grey = SMALL[name]
    image = decoding.inspect(data).data
    result = tasks.render(RenderTask(image=image, lighting=AS_IT_IS, analysis=shape))
    right = (GREY if is_grey else PICTURE).astype(float)
    assert np.abs(as_shown(result.picture.data) - right).mean() <= MOST_LEVELS
    info = Image.open(io.BytesIO(result.picture.data)).info
    assert ("icc_profile" in info) == RENDERED[name]


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(CODES) - set(FEW)))
def test_every_code_in_every_kind_of_file(name: str) -> None:
    for data, is_grey in coded([name]).values():
        check(data, is_grey)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("name", FEW)
def test_heic_in_every_depth(name: str, bits: int) -> None:
    pytest.importorskip("pillow_heif", reason="needs the extra heic")
    primaries, transfer, space, curve = CODES[name]
    data = files.heic(files.signal(PICTURE, space, curve), bits, primaries, transfer)
    found = decoding.inspect(data)
    assert np.abs(read_photo(found.data).rgb - PICTURE.astype(float)).mean() <= MOST_LEVELS
    assert any(f"{bits}-bit" in note for note in found.warnings) == (bits > 8)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(CODES) - set(FEW)))
def test_every_code_in_heic(name: str) -> None:
    for bits in (8, 10, 12):
        test_heic_in_every_depth(name, bits)


@pytest.mark.parametrize("curve", [files.pq, files.hlg], ids=["pq", "hlg"])
def test_bright_highlights_are_compressed_and_the_rest_stays(curve: Any) -> None:
    steps = np.linspace(0.001, 4.5, 256)
    light = np.repeat(np.repeat(steps[None, :, None], 3, axis=2), 64, axis=0)
    data = files.png(
        np.clip(curve(light), 0, 1), "RGB", 16, files.cicp(9, 16 if curve is files.pq else 18)
    )
    found = decoding.inspect(data)
    assert any("HDR" in note for note in found.warnings)
    levels = read_photo(found.data).rgb[32, :, 1].astype(float)
    right = files.srgb(np.minimum(steps, 1)) * 255
    dark = steps < 0.3
    assert np.abs(levels[dark] - right[dark]).max() <= 2
    assert (np.diff(levels) >= 0).all(), "brighter stays brighter"
    assert len(set(levels[steps > 1])) > 10, "highlights keep their steps"
    assert levels[-1] >= 250


def test_numbers_of_a_map_are_not_colors() -> None:
    numbers = files.signal(PICTURE, "709", files.power(1.0))
    data = decoding.inspect(files.png(numbers, "RGB", 8, files.gama(1.0))).data
    assert (read_normals(data) == (numbers * 255).round()).all()
    level = numbers[..., :1]
    deep = decoding.inspect(files.png(level, "L", 16, files.gama(1.0))).data
    assert (read_depth(deep) == (level[..., 0] * 65_535).round()).all()


@pytest.mark.parametrize("codes", [(3, 13), (13, 13), (1, 3), (1, 9), (1, 10), (1, 19), (255, 255)])
def test_what_cannot_be_shown_right_is_refused_with_words(codes: tuple[int, int]) -> None:
    for data in (
        files.png(PICTURE / 255, "RGB", 8, files.cicp(*codes)),
        files.with_codes(files.avif(PICTURE / 255), *codes),
    ):
        with pytest.raises(ImageUnsupported, match="cannot be shown right") as refused:
            decoding.inspect(data)
        assert "sRGB" in (refused.value.hint or "")


def test_every_code_that_has_a_meaning_makes_a_profile_or_a_conversion() -> None:
    for codes in itertools.product(range(25), repeat=2):
        try:
            colors = from_codes(*codes)
        except ImageUnsupported:
            continue
        if colors is not None and colors.fits_profile:
            for is_grey, mode in ((False, "RGB"), (True, "L")):
                profile = profile_of(colors, gray=is_grey)
                seen = to_srgb(Image.new(mode, (4, 4), "white"), profile)
                assert seen is not None
                assert min(np.asarray(seen).ravel()) >= 253, codes


def test_generated_profiles_agree_with_those_of_littlecms() -> None:
    ours = profile_of(from_codes(1, 13) or pytest.fail("sRGB has a meaning"))
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 17)] * 3), axis=-1).astype(np.uint8)
    image = Image.fromarray(cube.reshape(64, 64, 3))
    theirs = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    mine = ImageCms.ImageCmsProfile(io.BytesIO(ours))
    same = ImageCms.profileToProfile(image, mine, theirs, outputMode="RGB")
    assert same is not None
    assert np.abs(np.asarray(same).astype(int) - np.asarray(image)).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "packing"), [(1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i")]
)
def test_the_orientation_in_any_type_of_number(order: str, kind: int, packing: str) -> None:
    exif = files.tiff([(0x0112, kind, struct.pack(order + packing, 6))], order=order)
    assert read_exif(exif).orientation == 6
    upright = Image.fromarray(PICTURE)
    data = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=97, exif=exif)
    found = decoding.inspect(data)
    assert (found.width, found.height) == upright.size
    assert np.abs(read_photo(found.data).rgb - PICTURE.astype(float)).mean() <= MOST_LEVELS


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            b'<x hdrgm:Version="1.0" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>',
            "gain map",
        ),
        (b'<x apdi:AuxiliaryImageType="urn:com:apple:photo:2020:aux:hdrgainmap"/>', "gain map"),
        (b'<x xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"/>', "depth"),
        (b'<x apdi:AuxiliaryImageType="urn:com:apple:photo:2017:aux:disparity"/>', "depth"),
    ],
)
def test_layers_of_a_jpeg_are_left_out_with_a_warning(words: bytes, told: str) -> None:
    plain = encoded(Image.fromarray(PICTURE), "JPEG")
    segment = jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + words)
    for data in (jpeg_with(plain, segment), plain + jpeg_with(plain, segment)):
        found = decoding.inspect(data)
        assert [told in note for note in found.warnings] == [True]
        assert words not in found.data
        assert decoding.inspect(found.data).warnings == ()


def test_layers_of_a_heic_are_left_out_with_a_warning() -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heic")
    data = files.heic(PICTURE / 255, 8, 1, 13)
    assert heif is not None
    assert main_picture(data).layers == ()
    for name, told in (
        (b"urn:com:apple:photo:2020:aux:hdrgainmap\0", "gain map"),
        (b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth\0", "depth"),
    ):
        boxed = with_property(data, b"auxC", bytes(4) + name)
        assert [told in note for note in main_picture(boxed).layers] == [True]


def with_property(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The meta box alone, with one more property at the end of its list."""
    box = struct.pack(">I", len(body) + 8) + kind + body
    for name in (b"ipco", b"iprp", b"meta"):
        at = data.index(name) - 4
        (size,) = struct.unpack_from(">I", data, at)
        grown = struct.pack(">I", size + len(box))
        data = data[:at] + grown + data[at + 4 :]
    at = data.index(b"ipco") - 4
    (size,) = struct.unpack_from(">I", data, at)
    return data[: at + size - len(box)] + box + data[at + size - len(box) :]


def test_ten_bits_of_an_avif_are_said() -> None:
    data = bytearray(files.avif(PICTURE / 255))
    assert main_picture(bytes(data)).bits == 8
    at = data.index(b"av1C") + 6
    data[at] |= 0x40
    assert main_picture(bytes(data)).bits == 10
    data[at] |= 0x20
    assert main_picture(bytes(data)).bits == 12


HOSTILE_GAMMAS = [b"", b"\0" * 4, b"\xff" * 4, b"\0\0\0\1", b"\x7f\xff\xff\xff"]
HOSTILE_PRIMARIES = [b"", b"\0" * 32, b"\xff" * 32, b"\0\0\0\1" * 8, b"\0\1\0\0" * 8]


@pytest.mark.parametrize("gamma", HOSTILE_GAMMAS)
@pytest.mark.parametrize("primaries", HOSTILE_PRIMARIES)
def test_nonsense_about_colors_counts_as_not_said(gamma: bytes, primaries: bytes) -> None:
    assert from_gamma(gamma, primaries) is None
    chunks = [png_chunk(b"gAMA", gamma), png_chunk(b"cHRM", primaries)]
    found = decoding.inspect(files.png(PICTURE / 255, "RGB", 8, *chunks))
    assert (read_photo(found.data).rgb == PICTURE).all()


@pytest.mark.parametrize("rounds", [150, pytest.param(20_000, marks=pytest.mark.long)])
def test_damage_in_what_says_colors_is_answered_in_our_own_words(rounds: int) -> None:
    dice = random.Random(7)
    seeds = [
        files.with_codes(files.avif(PICTURE / 255), 9, 16),
        SMALL["png RGB 16 bits, pq"][0],
        SMALL["png 8 bits, gamma 1.8, Adobe's primaries"][0],
        SMALL["jpeg, R03"][0],
    ]
    for _ in range(rounds):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(min(len(data), 600))] = dice.randrange(256)
        main_picture(bytes(data))
        read_exif(bytes(data[dice.randrange(40) :]))
        try:
            found = decoding.inspect(bytes(data))
        except RequestError:
            continue
        assert read_photo(found.data).rgb.ndim == 3
