"""Fakes of the ports, and the suites an implementation of a port must pass.

Shipped, so that a package with a provider of its own can use them in its tests.
"""

import itertools
import json
import re
from collections.abc import Awaitable, Sequence
from pathlib import Path

from pydantic import JsonValue

from mcp_relight.domain.exchange import (
    Accepted,
    Call,
    Outcome,
    Picture,
    Rendered,
    Reply,
    Request,
)
from mcp_relight.domain.image import (
    Encoded,
    ImageInfo,
    Inspected,
    RenderResult,
    RenderTask,
    SheetCell,
    image_id_of,
    info_of,
)
from mcp_relight.domain.lighting import Light, Lighting
from mcp_relight.domain.models import RESERVED, ModelSpec
from mcp_relight.domain.ports import Images
from mcp_relight.domain.report import LightAnalysis, Report
from mcp_relight.errors import ImageNotFound, InvalidArgument, RelightError
from mcp_relight.providers.kit.adapter import Adapter
from mcp_relight.providers.kit.translate import asked_fields


class MemoryImages:
    """Images: stored bytes by content hash, copies by path, and cached analyses."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[ImageInfo, bytes]] = {}
        self.analyses: dict[str, bytes] = {}
        self.copies: dict[Path, bytes] = {}

    async def put(self, picture: Inspected | Encoded) -> ImageInfo:
        info = info_of(picture)
        return self.stored.setdefault(info.image_id, (info, picture.data))[0]

    async def info(self, image_id: str) -> ImageInfo:
        return self._entry(image_id)[0]

    async def read(self, image_id: str) -> bytes:
        return self._entry(image_id)[1]

    def _entry(self, image_id: str) -> tuple[ImageInfo, bytes]:
        if image_id not in self.stored:
            raise ImageNotFound("No image of that id.")
        return self.stored[image_id]

    async def publish(self, image_id: str, folder: Path, stem: str) -> Path:
        info, data = self._entry(image_id)
        names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
        paths = (folder / (name + info.extension) for name in names)
        path = next(path for path in paths if path not in self.copies)
        self.copies[path] = data
        return path

    async def check_folder(self, folder: Path) -> None:
        """Every folder will do."""

    async def delete(self, image_id: str) -> None:
        self.stored.pop(image_id, None)

    async def cached(self, key: str) -> bytes | None:
        return self.analyses.get(key)

    async def cache(self, key: str, data: bytes) -> None:
        self.analyses[key] = data


class ImagesContract:
    """What every store of pictures must keep. Subclass it with a fixture `images`, under anyio.

    The real store and the one in memory both pass it, so a test may use either.
    """

    picture = Inspected(
        data=b"the bytes of a picture",
        mime_type="image/png",
        width=40,
        height=30,
        has_alpha=True,
        warnings=("16-bit",),
    )

    async def test_a_picture_is_known_by_the_hash_of_its_bytes(self, images: Images) -> None:
        info = await images.put(self.picture)
        assert info.image_id == image_id_of(self.picture.data)
        assert (info.width, info.height, info.mime_type) == (40, 30, "image/png")
        assert (info.bytes, info.has_alpha, info.warnings) == (22, True, ("16-bit",))
        assert await images.info(info.image_id) == info
        assert await images.read(info.image_id) == self.picture.data

    async def test_the_same_bytes_are_one_picture_as_first_described(self, images: Images) -> None:
        first = await images.put(self.picture)
        again = Encoded(data=self.picture.data, mime_type="image/png", width=40, height=30)
        assert await images.put(again) == first

    async def test_what_is_unknown_or_deleted_is_not_found(self, images: Images) -> None:
        known = (await images.put(self.picture)).image_id
        await images.delete(known)
        await images.delete(known)
        for image_id in (known, "0" * 32, "../etc/passwd", ""):
            for question in (images.info, images.read):
                assert await _not_found(question(image_id))

    async def test_a_copy_never_takes_the_place_of_another(
        self, images: Images, tmp_path: Path
    ) -> None:
        image_id = (await images.put(self.picture)).image_id
        paths = [await images.publish(image_id, tmp_path / "out", "mug") for _ in range(3)]
        assert [path and path.name for path in paths] == ["mug.png", "mug-2.png", "mug-3.png"]
        assert await _not_found(images.publish("0" * 32, tmp_path / "out", "mug"))

    async def test_an_analysis_is_kept_by_its_key(self, images: Images) -> None:
        assert await images.cached("analysis-1") is None
        await images.cache("analysis-1", b"one")
        await images.cache("analysis-1", b"two")
        assert await images.cached("analysis-1") == b"two"
        assert await images.cached("analysis-2") is None


async def _not_found(asked: Awaitable[object]) -> bool:
    try:
        await asked
    except ImageNotFound:
        return True
    return False


class ScriptedPixels:
    """Pixels: answers `render` with one result and re-encodes by prefixing, keeping what it saw."""

    def __init__(self, result: RenderResult | None = None) -> None:
        self.result = result
        self.tasks: list[RenderTask] = []
        self.reencoded: list[tuple[bytes, int | None, str]] = []

    async def render(self, task: RenderTask) -> RenderResult:
        if self.result is None:
            raise NotImplementedError
        self.tasks.append(task)
        return self.result

    async def reencode(self, image: bytes, *, max_edge_px: int | None, mime_type: str) -> Encoded:
        self.reencoded.append((image, max_edge_px, mime_type))
        return Encoded(data=b"clean:" + image, mime_type=mime_type, width=640, height=480)

    async def inspect(self, data: bytes) -> Inspected:
        raise NotImplementedError

    async def thumbnail(self, image: bytes, *, max_edge_px: int, max_bytes: int) -> Encoded:
        raise NotImplementedError

    async def sheet(
        self, cells: Sequence[SheetCell], *, max_edge_px: int, max_bytes: int
    ) -> Encoded:
        raise NotImplementedError

    async def word_card(self, words: str, *, max_bytes: int) -> Encoded:
        raise NotImplementedError

    async def analyze(self, image: bytes, *, mask: bytes | None = None) -> LightAnalysis:
        raise NotImplementedError

    async def report(
        self,
        original: bytes,
        final: bytes,
        lighting: Lighting,
        *,
        returned: bytes | None = None,
        mask: bytes | None = None,
        before: LightAnalysis | None = None,
        target: LightAnalysis | None = None,
    ) -> Report:
        raise NotImplementedError

    async def transfer(self, original: bytes, result: bytes) -> tuple[Encoded | None, list[str]]:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing to close."""


class ProviderContract:
    """What every adapter must keep. Subclass it in a test file and set `adapter`:

        class TestMine(ProviderContract):
            adapter = Mine()

    It reads no network and needs no key. `stored_submit` and `stored_finished`, where set, are
    bodies of the provider's own replies to a submit and to a poll of a finished job.
    """

    adapter: Adapter
    stored_submit: bytes | None = None
    stored_finished: bytes | None = None

    def call(self, spec: ModelSpec) -> Call:
        """An ordinary call of one of its models."""
        light = Light(azimuth_deg=-60, elevation_deg=10, kelvin=3200)
        picture = Picture(640, 480, "image/jpeg", url="https://example.com/photo.jpg")
        return Call(
            model=spec.id,
            lighting=Lighting(lights=(light,), prompt="a quiet evening"),
            params=spec.check({}),
            images=(picture,),
            seed=7,
        )

    @property
    def _relighting(self) -> list[ModelSpec]:
        return [spec for spec in self.adapter.specs() if spec.relights]

    def test_it_names_itself_its_origin_and_its_key(self) -> None:
        adapter = self.adapter
        assert re.fullmatch(r"[a-z][a-z0-9-]*", adapter.name)
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*_(KEY|TOKEN|SECRET)", adapter.key_variable)
        assert adapter.per_minute > 0
        assert adapter.burst >= 1
        assert re.fullmatch(r"https://[^/]+", adapter.origin)
        assert adapter.title

    def test_its_models_are_its_own_and_named_once(self) -> None:
        ids = [spec.id for spec in self.adapter.specs()]
        assert ids
        assert len(ids) == len(set(ids))
        assert all(name.startswith(f"{self.adapter.name}/") for name in ids)

    def test_prices_state_where_they_come_from(self) -> None:
        assert all(spec.price.source for spec in self.adapter.specs())

    def test_the_key_travels_in_headers_and_nowhere_else(self) -> None:
        assert any("KEY-WORD" in value for value in self.adapter.auth("KEY-WORD").values())
        for spec in self._relighting:
            assert (
                self.adapter.submit(self.call(spec))
                .headers.keys()
                .isdisjoint(self.adapter.auth("KEY-WORD"))
            )

    def test_a_call_becomes_one_request_with_the_picture_in_it(self) -> None:
        for spec in self._relighting:
            request = self.adapter.submit(self.call(spec))
            assert (request.method, request.path[:1]) == ("POST", "/")
            assert "https://example.com/photo.jpg" in json.dumps(request.json, allow_nan=False)
            assert request.timeout_s <= self.adapter.submit_s

    def test_the_same_call_becomes_the_same_request(self) -> None:
        for spec in self._relighting:
            assert self.adapter.submit(self.call(spec)) == self.adapter.submit(self.call(spec))

    def test_every_field_of_the_light_is_accounted_for(self) -> None:
        for spec in self._relighting:
            call = self.call(spec)
            told = tuple(entry.name for entry in spec.honesty(call.lighting, call.params))
            assert sorted(told) == sorted(asked_fields(call.lighting))

    def test_params_never_set_what_the_tool_has_an_argument_for(self) -> None:
        for spec in self._relighting:
            for name in RESERVED:
                assert _refused(spec, {name: "x"}), f"{spec.id} takes params.{name}"

    def test_a_ticket_becomes_a_request_below_the_origin(self) -> None:
        request = self.adapter.poll("ticket-1")
        assert request.path.startswith("/")
        assert "ticket-1" in request.path + json.dumps(request.json)

    def test_a_reply_that_makes_no_sense_is_an_error_and_no_result(self) -> None:
        requests = [self.adapter.submit(self.call(spec)) for spec in self._relighting[:1]]
        for request in [*requests, self.adapter.poll("ticket-1")]:
            for body in (b"", b"null", b"[]", b"7", b"<html>", b"\xff", b"{}"):
                outcome = _read(self.adapter, request, Reply(200, {}, body))
                assert not isinstance(outcome, Accepted)
                assert not isinstance(outcome, Rendered) or not outcome.outputs

    def test_its_stored_replies_are_understood(self) -> None:
        if self.stored_submit is not None:
            request = self.adapter.submit(self.call(self._relighting[0]))
            outcome = self.adapter.read(request, Reply(200, {}, self.stored_submit))
            assert isinstance(outcome, Accepted | Rendered)
            ticket = outcome.ticket if isinstance(outcome, Accepted) else ""
            if self.stored_finished is not None and ticket:
                poll = self.adapter.poll(ticket)
                finished = self.adapter.read(poll, Reply(200, {}, self.stored_finished))
                assert isinstance(finished, Accepted) or (
                    isinstance(finished, Rendered) and finished.outputs
                )


def _refused(spec: ModelSpec, params: dict[str, JsonValue]) -> bool:
    try:
        spec.check(params)
    except InvalidArgument:
        return True
    return False


def _read(adapter: Adapter, request: Request, reply: Reply) -> Outcome | None:
    """The outcome; None for an error of the tree or one that the sender takes for unreadable."""
    try:
        return adapter.read(request, reply)
    except (RelightError, LookupError, TypeError, ValueError, AttributeError):
        return None
