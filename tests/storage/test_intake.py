"""What a caller may call a picture, and how each refusal reads."""

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_relight.domain.image import MAX_INPUT_BYTES, image_id_of
from mcp_relight.errors import (
    ImageCorrupt,
    ImageNotFound,
    ImageTooLarge,
    ImageUnsupported,
    InvalidArgument,
    RelightError,
    UrlRefused,
)
from mcp_relight.pixels.client import PixelChild
from mcp_relight.storage.files import ImageFiles
from mcp_relight.storage.intake import MAX_DATA_URI_BYTES, Intake
from mcp_relight.storage.paths import safe_stem
from tests.arrivals import put_after_all
from tests.world import make_photo

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def pixels(anyio_backend: str) -> AsyncIterator[PixelChild]:
    child = PixelChild()
    yield child
    await child.aclose()


class OneServer:
    """Downloads: one picture at every address, and the addresses asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[str] = []

    def may_be_passed_on(self, url: str) -> bool:
        return url.lower().startswith("https://")

    async def fetch(self, url: str, *, max_bytes: int, deadline_s: float) -> bytes:
        assert len(self.data) <= max_bytes
        self.asked.append(url)
        return self.data


@dataclass(frozen=True)
class Place:
    root: Path
    server: OneServer
    images: ImageFiles
    pixels: PixelChild

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    @property
    def results(self) -> Path:
        return self.photos / "results"

    @property
    def mug(self) -> bytes:
        return (self.photos / "mug.jpg").read_bytes()

    def intake(self, *, local_only: bool = False) -> Intake:
        return Intake(
            images=self.images,
            pixels=self.pixels,
            downloads=self.server,
            folders=[self.photos, self.root / "not there"],
            output_dir=self.results,
            local_only=local_only,
        )


@pytest.fixture
def place(tmp_path: Path, pixels: PixelChild) -> Place:
    (tmp_path / "photos" / "trips").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    make_photo(tmp_path / "photos" / "mug.jpg", 32, 24)
    make_photo(tmp_path / "photos" / "trips" / "Mein Bild.png", 40, 24)
    make_photo(tmp_path / "outside" / "secret.png", 32, 24)
    server = OneServer((tmp_path / "photos" / "mug.jpg").read_bytes())
    return Place(tmp_path, server, ImageFiles(tmp_path / "data"), pixels)


async def test_a_path_is_taken_in_as_stored_clean_bytes(place: Place) -> None:
    taken = await place.intake().take(str(place.photos / "mug.jpg"))
    assert (taken.name, taken.url) == ("mug", None)
    assert (taken.info.width, taken.info.height) == (32, 24)
    stored = await place.images.read(taken.info.image_id)
    assert image_id_of(stored) == taken.info.image_id
    assert await place.images.info(taken.info.image_id) == taken.info


async def test_the_other_spellings_of_a_path_work(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place.root))
    monkeypatch.chdir(place.photos)
    picture = place.photos / "trips" / "Mein Bild.png"
    spellings = [picture.as_uri(), "~/photos/trips/Mein Bild.png", "trips/Mein Bild.png"]
    for spelling in [*spellings, f" {picture}\n"]:
        taken = await place.intake().take(spelling)
        assert (taken.name, taken.info.width) == ("Mein Bild", 40)


async def test_a_bare_name_is_found_in_an_allowed_folder(place: Place) -> None:
    assert (await place.intake().take("mug.jpg")).name == "mug"
    assert (await place.intake().take("trips/Mein Bild.png")).name == "Mein Bild"


async def test_the_working_folder_comes_before_the_allowed_ones(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.photos / "trips" / "mug.jpg").write_bytes(
        (place.photos / "trips" / "Mein Bild.png").read_bytes()
    )
    monkeypatch.chdir(place.photos / "trips")
    assert (await place.intake().take("mug.jpg")).info.width == 40


@pytest.mark.parametrize("name", ["../outside/secret.png", "trips/../../outside/secret.png"])
async def test_a_relative_name_leads_out_of_no_folder(place: Place, name: str) -> None:
    with pytest.raises(ImageNotFound):
        await place.intake().take(name)


async def test_a_data_uri_is_taken_in(place: Place) -> None:
    text = base64.b64encode(place.mug).decode()
    for start in ("data:image/jpeg;base64,", "DATA:image/png;name=x.png;base64,", "data:;base64,"):
        taken = await place.intake().take(start + text)
        assert (taken.name, taken.info.width) == ("photo", 32)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
        lambda text: "\r\n " + text[:40] + "\t" + text[40:] + "\n",
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    ],
)
async def test_base64_is_read_as_encoders_write_it(
    place: Place, spelled: Callable[[str], str]
) -> None:
    text = spelled(base64.b64encode(place.mug).decode())
    for start in ("data:image/jpeg;base64,", "data: image/jpeg; base64 ,"):
        assert (await place.intake().take(start + text)).info.width == 32


async def test_a_stored_image_is_taken_again_by_its_address(place: Place) -> None:
    first = await place.intake().take(str(place.photos / "mug.jpg"))
    again = await place.intake().take(first.info.uri)
    assert again.info == first.info
    assert again.name == "photo"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/a/Blue%20mug.jpg?size=9", "Blue mug"),
        ("https://example.com/", "photo"),
        ("https://example.com/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd"),
        ("HTTPS://example.com/x.png", "x"),
    ],
)
async def test_a_web_address_is_fetched_and_remembered(place: Place, url: str, name: str) -> None:
    taken = await place.intake().take(url)
    assert (taken.name, taken.url) == (name, url)
    assert place.server.asked == [url]
    assert await place.images.read(taken.info.image_id)


async def test_an_address_that_no_provider_may_be_told_is_fetched_and_forgotten(
    place: Place,
) -> None:
    taken = await place.intake().take("http://example.com/mug.jpg")
    assert (taken.name, taken.url) == ("mug", None)


async def test_nothing_is_fetched_when_all_stays_here(place: Place) -> None:
    with pytest.raises(UrlRefused, match="MCP_RELIGHT_LOCAL_ONLY"):
        await place.intake(local_only=True).take("https://example.com/mug.jpg")
    assert place.server.asked == []


async def test_the_latest_picture_is_the_newest_that_is_no_result(place: Place) -> None:
    put_after_all(place.photos / "trips/Mein Bild.png", place.mug)
    put_after_all(place.photos / "mug.jpg", place.mug)
    put_after_all(place.results / "newest.png", place.mug)
    taken = await place.intake().take("latest")
    assert (taken.name, taken.was_found) == ("mug", True)
    (place.photos / "mug.jpg").unlink()
    assert (await place.intake().take("latest")).name == "Mein Bild"
    (place.photos / "trips/Mein Bild.png").unlink()
    with pytest.raises(ImageNotFound, match="no picture in the allowed folders"):
        await place.intake().take("latest")


async def refusal(place: Place, reference: str) -> RelightError:
    with pytest.raises(RelightError) as refused:
        await place.intake().take(reference)
    assert not any(part in refused.value.message for part in (reference, str(place.root)) if part)
    return refused.value


async def test_missing_and_forbidden_pictures_get_one_text_that_names_both_causes(
    place: Place,
) -> None:
    (place.photos / "way-out.png").symlink_to(place.root / "outside" / "secret.png")
    (place.photos / ".hidden.png").write_bytes(place.mug)
    references = [
        "",
        "missing.png",
        str(place.photos / "missing.png"),
        str(place.root / "outside" / "secret.png"),
        str(place.photos / ".." / "outside" / "secret.png"),
        str(place.photos / "way-out.png"),
        str(place.photos / ".hidden.png"),
        "/etc/passwd",
        "file://elsewhere/photos/mug.jpg",
        "ftp://example.com/mug.jpg",
        "[Image #1]",
    ]
    answers = [await refusal(place, reference) for reference in references]
    assert {type(answer) for answer in answers} == {ImageNotFound}
    assert len({(answer.message, answer.hint) for answer in answers}) == 1
    for word in ("spelling", "MCP_RELIGHT_ALLOWED_DIRS", "--allow-dir", "find_images", "chat"):
        assert word in answers[0].hint


async def test_each_other_refusal_has_words_of_its_own(place: Place) -> None:
    files = {
        "empty.png": b"",
        "page.jpg": b"<html></html>",
        "cut.jpg": place.mug[:300],
        "photo.tiff": b"II*\0" + bytes(100),
    }
    for name, data in files.items():
        (place.photos / name).write_bytes(data)
    with (place.photos / "huge.png").open("wb") as file:
        file.truncate(MAX_INPUT_BYTES + 1)
    too_much = "A" * (MAX_DATA_URI_BYTES * 4 // 3 + 8)
    cases: list[tuple[str, type[RelightError], str]] = [
        (str(place.photos), ImageNotFound, "folder"),
        (str(place.photos / "empty.png"), ImageCorrupt, "empty"),
        (str(place.photos / "page.jpg"), ImageUnsupported, "not a picture"),
        (str(place.photos / "cut.jpg"), ImageCorrupt, "cut off"),
        (str(place.photos / "photo.tiff"), ImageUnsupported, "not a picture"),
        (str(place.photos / "huge.png"), ImageTooLarge, "50,000,000"),
        ("relight://images/" + "0" * 32, ImageNotFound, "stored"),
        ("relight://images/../x", ImageNotFound, "stored"),
        ("data:image/png;base64,@@@", InvalidArgument, "not valid base64"),
        ("data:image/png,abc", InvalidArgument, "base64"),
        ("data:image/png;base64," + too_much, ImageTooLarge, "4 MB"),
        ("data:image/png;base64,", ImageCorrupt, "empty"),
        ("data:text/plain;base64,aGVsbG8=", ImageUnsupported, "not a picture"),
    ]
    for reference, kind, words in cases:
        answer = await refusal(place, reference)
        assert type(answer) is kind, answer.message
        assert words in answer.message
        assert answer.hint
    assert await place.images.sizes() == {}


async def test_a_typed_path_is_its_own_permission(place: Place) -> None:
    taken = await place.intake().take_explicit(place.root / "outside" / "secret.png")
    assert taken.name == "secret"
    with pytest.raises(ImageNotFound):
        await place.intake().take_explicit(place.root / "missing.png")
    with pytest.raises(ImageNotFound, match="folder"):
        await place.intake().take_explicit(place.root)


async def test_found_pictures_can_be_taken(place: Place) -> None:
    found = (await place.intake().find(None, limit=10)).found
    assert {item.path.name for item in found} == {"mug.jpg", "Mein Bild.png"}
    for item in found:
        assert (await place.intake().take(str(item.path))).info.width
    inner = await place.intake().find(str(place.photos / "trips"), limit=10)
    assert [item.path.name for item in inner.found] == ["Mein Bild.png"]


async def test_results_of_ours_are_found_only_where_asked(place: Place) -> None:
    put_after_all(place.results / "mug-rim.png", place.mug)
    without = await place.intake().find(None, limit=10)
    assert "mug-rim.png" not in {item.path.name for item in without.found}
    every = await place.intake().find(None, limit=10, results=True)
    assert every.found[0].path.name == "mug-rim.png"


async def test_a_page_says_where_the_next_begins(place: Place) -> None:
    first = await place.intake().find(None, limit=1)
    second = await place.intake().find(None, limit=1, cursor=first.cursor)
    assert first.cursor is not None
    assert second.cursor is None
    assert first.found != second.found


AM = "Screenshot 2025-06-14 at 9.41.00\u202fAM.jpg"
WRITTEN = {
    "Screenshot 2025-06-14 at 9.41.00 AM.jpg": AM,
    "Screenshot 2025-06-14 at 9.41.00\u00a0AM": AM,
    "Caf\u00e9 Z\u00fcrich.jpg": "Cafe\u0301 Zu\u0308rich.jpg",
    "cafe zurich": "Cafe\u0301 Zu\u0308rich.jpg",
    "trips/caf\u00e9 z\u00fcrich": "Cafe\u0301 Zu\u0308rich.jpg",
    "MUG": "mug.jpg",
    "Mein%20Bild.png": "Mein Bild.png",
    "mein   bild": "Mein Bild.png",
    'Anna\'s "best" \u2014 2.jpg': "Anna\u2019s \u201cbest\u201d \u2013 2.jpg",
    "eileen": "Portrait of Eileen_02.jpg",
    "portrait eileen": "Portrait of Eileen_02.jpg",
    "img-12:30.jpg": "img-12:30.jpg",
    "job_interview": "job_interview.jpg",
}


@pytest.fixture
def named(place: Place) -> Place:
    for name in set(WRITTEN.values()) - {"mug.jpg", "Mein Bild.png"}:
        folder = place.photos / "trips" if name.startswith("Caf") else place.photos
        (folder / name).write_bytes(place.mug)
    (place.photos / "catalog.jpg").write_bytes(place.mug)
    return place


@pytest.mark.parametrize("written", WRITTEN)
async def test_a_name_written_back_otherwise_is_that_picture(named: Place, written: str) -> None:
    taken = await named.intake().take(written)
    assert taken.name == safe_stem(Path(WRITTEN[written]).stem)


async def test_a_name_in_another_form_after_its_folder_is_that_picture(named: Place) -> None:
    for reference in (
        str(named.photos / AM.replace("\u202f", " ")),
        f"file://{named.photos}/trips/Caf%C3%A9%20Z%C3%BCrich.jpg",
        (named.photos / AM).as_uri(),
    ):
        assert (await named.intake().take(reference)).name in (AM[:-4], "Caf\u00e9 Z\u00fcrich")
    (named.photos / "my%20photo.jpg").write_bytes(named.mug)
    encoded = (named.photos / "my%20photo.jpg").as_uri()
    assert (await named.intake().take(encoded)).name == "my%20photo"


@pytest.mark.parametrize(
    "reference",
    ["cat", "mugs", "trips/mug.jpg", "../photos/caf\u00e9", "of", "*.jpg", "/mug", "02.png"],
)
async def test_what_fits_no_picture_is_still_missing(named: Place, reference: str) -> None:
    answer = await refusal(named, reference)
    assert type(answer) is ImageNotFound
    assert "find_images" in answer.hint


async def test_of_several_that_fit_each_is_named_and_none_taken(named: Place) -> None:
    for name in ("Red Mug.jpg", "red\u00a0mug.png", "red-mug-\x1b[2J.png"):
        (named.photos / name).write_bytes(named.mug)
    with pytest.raises(ImageNotFound, match="Several") as refused:
        await named.intake().take("red mug")
    assert "Red Mug.jpg" in refused.value.hint
    assert "mug.png" in refused.value.hint
    assert "\x1b" not in refused.value.hint
    assert "\\u001b" not in refused.value.hint


async def test_a_photo_goes_before_what_was_made_of_it(named: Place) -> None:
    put_after_all(named.results / "eileen-rim.jpg", named.mug)
    assert (await named.intake().take("Eileen")).name == "Portrait of Eileen_02"
    assert (await named.intake().take("eileen-RIM")).name == "eileen-rim"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("EILEEN", {"Portrait of Eileen_02.jpg"}),
        ("eile portr", {"Portrait of Eileen_02.jpg"}),
        ("caf\u00e9", {"Cafe\u0301 Zu\u0308rich.jpg"}),
        ("9.41.00 am", {AM}),
        ("bild.jpeg", {"Mein Bild.png"}),
        ("mug", {"mug.jpg"}),
        ("cat", {"catalog.jpg"}),
        ("nobody", set[str]()),
        ("...", set[str]()),
    ],
)
async def test_a_part_of_a_name_finds_it(named: Place, query: str, found: set[str]) -> None:
    page = await named.intake().find(None, limit=20, query=query)
    assert {item.path.name for item in page.found} == found


@pytest.mark.parametrize("folder", ["outside", "photos/mug.jpg", "photos/missing", "photos/.git"])
async def test_a_folder_outside_is_an_invalid_argument(place: Place, folder: str) -> None:
    (place.photos / ".git").mkdir()
    with pytest.raises(InvalidArgument, match="folder") as refused:
        await place.intake().find(str(place.root / folder), limit=10)
    assert refused.value.argument == "folder"
    assert "find_images" in refused.value.hint
