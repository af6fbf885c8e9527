"""Pictures in an object store, against a real S3 server on this machine where one is installed."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.image import Encoded, image_id_of
from mcp_relight.domain.ports import Images
from mcp_relight.errors import ImageNotFound, InvalidArgument, StoreDown
from mcp_relight.testing import ImagesContract
from tests.s3 import BUCKET, KEY_ID, REGION, S3, SECRET, signature
from tests.tool import program

pytest.importorskip("obstore", reason="the extra team is not installed")

from mcp_relight.storage.objects import ObjectImages, ObjectsAt

pytestmark = pytest.mark.anyio
ALICE, BOB = Caller("alice"), Caller("bob")
_SALT = b"salt of the tests, shared by all"

_BOTOCORE = """
import json, sys
import botocore.auth, botocore.awsrequest, botocore.credentials, datetime
url, key_id, secret, region, at, life = json.load(sys.stdin)
moment = datetime.datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: moment
request = botocore.awsrequest.AWSRequest(method="GET", url=url)
credentials = botocore.credentials.Credentials(key_id, secret)
botocore.auth.S3SigV4QueryAuth(credentials, "s3", region, expires=life).add_auth(request)
print(request.url)
"""


@pytest.fixture(autouse=True)
def back_in_order(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "s3" in request.fixturenames:
        store: S3 = request.getfixturevalue("s3")
        store.is_down, store.ahead_s = False, 0.0
        store.refused.clear()


def opened(s3: S3, near: Path, **changes: object) -> ObjectImages:
    at = {
        "url": f"s3://{BUCKET}/relight",
        "endpoint": s3.url,
        "key_id": KEY_ID,
        "secret": SecretStr(SECRET),
    }
    return ObjectImages(ObjectsAt(**at | changes), secret=_SALT, near=near)  # pyright: ignore


def picture(data: bytes = b"bytes of a picture") -> Encoded:
    return Encoded(data=data, mime_type="image/png", width=4, height=3, has_alpha=False)


class TestInAStore(ImagesContract):
    @pytest.fixture
    def images(self, s3: S3, tmp_path: Path) -> Iterator[ObjectImages]:
        with acting_as(Caller(f"of-{tmp_path.name}"[:40])):
            yield opened(s3, tmp_path)

    async def test_a_copy_never_takes_the_place_of_another(
        self, images: Images, tmp_path: Path
    ) -> None:
        """None is made: results are fetched by address."""
        image_id = (await images.put(self.picture)).image_id
        await images.publish(image_id, tmp_path / "out", "mug")
        assert not (tmp_path / "out").exists()


async def test_another_machine_reads_what_one_has_put(s3: S3, tmp_path: Path) -> None:
    with acting_as(ALICE):
        put = await opened(s3, tmp_path / "a").put(picture())
        other = opened(s3, tmp_path / "b")
        assert await other.info(put.image_id) == put
        assert await other.read(put.image_id) == picture().data
        s3.is_down = True
        assert await other.read(put.image_id) == picture().data, "it has a copy near"


async def test_no_key_tells_whose_a_picture_is_or_what_it_holds(s3: S3, tmp_path: Path) -> None:
    images, before = opened(s3, tmp_path), set(s3.keys())
    same = picture(b"the same bytes")
    for caller in (ALICE, BOB):
        with acting_as(caller):
            await images.put(same)
    keys = sorted(set(s3.keys()) - before)
    assert len(keys) == 2
    assert len({key.split("/")[1] for key in keys}) == 2, "a folder each"
    assert len({key.split("/")[2] for key in keys}) == 2, "nor is the name the same"
    hashed = image_id_of(same.data)
    assert not [key for key in keys if hashed[:8] in key or "alice" in key or "bob" in key]


async def test_nobody_reads_or_deletes_what_lies_in_anothers_folder(s3: S3, tmp_path: Path) -> None:
    with acting_as(ALICE):
        put = await opened(s3, tmp_path / "a").put(picture(b"of alice"))
    with acting_as(BOB):
        images = opened(s3, tmp_path / "b")
        for question in (images.info, images.read):
            with pytest.raises(ImageNotFound):
                await question(put.image_id)
        await images.delete(put.image_id)
        url = await images.address(put.image_id, within_s=900)
        assert httpx2.get(url, trust_env=False).status_code == 404
    with acting_as(ALICE):
        assert await opened(s3, tmp_path / "c").read(put.image_id) == b"of alice"


async def test_an_address_opens_one_picture_for_a_while(s3: S3, tmp_path: Path) -> None:
    with acting_as(ALICE):
        images = opened(s3, tmp_path)
        put, other = await images.put(picture()), await images.put(picture(b"another"))
        url = await images.address(put.image_id, within_s=900)
        elsewhere = await images.address(other.image_id, within_s=900)
    got = httpx2.get(url, trust_env=False)
    assert got.content == picture().data
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"].startswith("inline; filename=")
    path, _, query = url.partition("?")
    forged = [
        elsewhere.partition("?")[0] + "?" + query,
        url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        path,
    ]
    assert [httpx2.get(one, trust_env=False).status_code for one in forged] == [403] * 4
    assert httpx2.put(url, content=b"other", trust_env=False).status_code == 403
    s3.ahead_s = 890
    assert httpx2.get(url, trust_env=False).status_code == 200
    s3.ahead_s = 910
    assert httpx2.get(url, trust_env=False).status_code == 403
    assert s3.refused[-1] == "expired"


async def test_addresses_are_signed_as_an_independent_signer_does(s3: S3, tmp_path: Path) -> None:
    python = program("moto", "python")
    with acting_as(ALICE):
        images = opened(s3, tmp_path, public_endpoint="https://pictures.example.com")
        url = await images.address(image_id_of(b"whatever"), within_s=900)
    parts = urlsplit(url)
    assert parts.netloc == "pictures.example.com"
    query = dict(parse_qsl(parts.query))
    said = query.pop("X-Amz-Signature")
    bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    at = query["X-Amz-Date"]
    asked = [bare, KEY_ID, SECRET, REGION, at, 900]
    done = subprocess.run(
        [python, "-c", _BOTOCORE], input=json.dumps(asked), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    theirs = dict(parse_qsl(urlsplit(done.stdout.strip()).query))
    assert theirs.pop("X-Amz-Signature") == said
    assert theirs == query
    host = [("host", parts.netloc)]
    ours = signature(
        "GET", parts.path, list(query.items()), host, payload="UNSIGNED-PAYLOAD", at=at
    )
    assert ours == said


async def test_an_outage_is_one_of_the_tree_that_passes(s3: S3, tmp_path: Path) -> None:
    with acting_as(ALICE):
        images = opened(s3, tmp_path / "a")
        put = await images.put(picture())
        far = opened(s3, tmp_path / "b")
        s3.is_down = True
        started = time.monotonic()
        for call in (
            lambda: far.info(put.image_id),
            lambda: far.read(put.image_id),
            lambda: far.put(picture(b"new")),
            lambda: far.delete(put.image_id),
            far.check,
        ):
            with pytest.raises(StoreDown) as down:
                await call()
            assert down.value.passes
            told = down.value.message + down.value.hint
            assert "127.0.0.1" not in told
            assert SECRET not in told
        assert time.monotonic() - started < 60
        s3.is_down = False
        await far.check()
        assert await far.read(put.image_id) == picture().data


async def test_a_refused_key_and_a_missing_bucket_lose_nothing(s3: S3, tmp_path: Path) -> None:
    """Neither is "no such picture": what was paid for is tried again until somebody looks."""
    wrong = opened(s3, tmp_path, secret=SecretStr("wrong"))
    missing = opened(s3, tmp_path, url="s3://nowhere/x")
    with acting_as(ALICE):
        for images in (wrong, missing):
            with pytest.raises(StoreDown):
                await images.put(picture(b"paid for"))


async def test_copies_near_take_no_more_room_than_they_may(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_relight.storage.objects._NEAR_BYTES", 3_000)
    with acting_as(ALICE):
        images = opened(s3, tmp_path)
        puts = [await images.put(picture(bytes([number]) * 1_000)) for number in range(6)]
        kept = sum(path.stat().st_size for path in (tmp_path / "near").iterdir())
        assert kept <= 3_000
        for number, put in enumerate(puts):
            assert await images.read(put.image_id) == bytes([number]) * 1_000


async def test_what_is_forgotten_is_gone_here_and_there(s3: S3, tmp_path: Path) -> None:
    with acting_as(ALICE):
        images = opened(s3, tmp_path)
        put = await images.put(picture(b"to be forgotten"))
        await images.cache(f"analysis-{put.image_id}-x", b"one")
        before = s3.keys()
        await images.delete(put.image_id)
    assert len(before) - len(s3.keys()) == 1
    left = [path for path in tmp_path.rglob("*") if put.image_id in path.name]
    assert left == []


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://"])
def test_an_address_that_makes_no_sense_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="MCP_RELIGHT_BLOB_URL"):
        ObjectImages(ObjectsAt(url=url), secret=_SALT, near=tmp_path)
