"""The user's bucket, against a real S3 server on this machine where one is installed (moto)."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.bootstrap.parts import Parts
from mcp_relight.bootstrap.tidying import clear_bucket
from mcp_relight.config import Settings
from mcp_relight.domain.image import Encoded
from mcp_relight.errors import InvalidArgument, NeedsPublicUrl
from mcp_relight.providers.bucket import Bucket, BucketFolder
from tests.jobs.fakes import OWNER, new_job
from tests.s3 import running_moto

pytestmark = pytest.mark.anyio


def encoded(data: bytes, mime_type: str) -> Encoded:
    return Encoded(data=data, mime_type=mime_type, width=4, height=3)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("obstore", reason="the extra s3 is not installed")
    with running_moto() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    httpx2.put(f"{endpoint}/photos", trust_env=False)
    return Bucket(
        url="s3://photos/relight/in",
        key_id="user",
        secret=SecretStr("SECRET-WORD"),
        endpoint=endpoint,
    )


def listed(endpoint: str) -> str:
    return httpx2.get(f"{endpoint}/photos?list-type=2", trust_env=False).text


async def test_a_picture_is_readable_by_its_signed_address_until_it_is_cleared(
    bucket: Bucket,
) -> None:
    folder = BucketFolder(bucket)
    url = await folder.put("job_1", "image", encoded(b"picture", "image/png"), 600.0)
    other = await folder.put("job_2", "image", encoded(b"other", "image/jpeg"), 600.0)
    assert "X-Amz-Signature=" in url
    assert "X-Amz-Expires=600" in url
    assert "/photos/relight/in/job_1/image.png" in url
    answer = httpx2.get(url, trust_env=False)
    assert answer.content == b"picture"
    assert answer.headers["content-type"] == "image/png"

    await folder.clear("job_1")

    assert "job_1" not in listed(str(bucket.endpoint))
    assert httpx2.get(other, trust_env=False).content == b"other"
    await folder.clear("job_2")


async def test_clearing_what_is_not_there_is_fine(bucket: Bucket) -> None:
    await BucketFolder(bucket).clear("job_never")


async def test_a_bucket_that_does_not_exist_is_named_without_its_secret(bucket: Bucket) -> None:
    missing = Bucket(
        url="s3://missing/x", key_id="user", secret=bucket.secret, endpoint=bucket.endpoint
    )
    with pytest.raises(NeedsPublicUrl, match="MCP_RELIGHT_BUCKET_URL") as caught:
        await BucketFolder(missing).put("job_1", "image", encoded(b"", "image/png"), 60.0)
    assert "SECRET-WORD" not in caught.value.message + caught.value.hint + repr(missing)


@pytest.mark.parametrize("url", ["https://photos/x", "photos", "s3://", "gs://photos"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="s3://bucket/prefix"):
        BucketFolder(Bucket(url=url, key_id="k", secret=SecretStr("s")))


async def test_what_ended_jobs_left_in_the_bucket_is_taken_back(
    bucket: Bucket, tmp_path: Path
) -> None:
    """A person who gives a job up is no worker: nobody is there to delete its picture."""
    parts = Parts(
        Settings.load(
            data_dir=tmp_path,
            bucket_url=bucket.url,
            bucket_key_id=bucket.key_id,
            bucket_secret=bucket.secret,
            bucket_endpoint=bucket.endpoint,
        )
    )
    given_up, waiting = await parts.store.insert([new_job(), new_job()])
    await parts.store.request_cancel(given_up.job_id, owner=OWNER)
    folder = BucketFolder(bucket)
    for name in (given_up.job_id, waiting.job_id, "of_another_machine"):
        await folder.put(name, "image", encoded(b"picture", "image/png"), 600.0)

    await clear_bucket(parts)

    assert sorted(await folder.folders()) == sorted([waiting.job_id, "of_another_machine"])
    for name in await folder.folders():
        await folder.clear(name)
    await parts.aclose()
