"""The simulator's bucket, used by a real S3 client."""

from collections.abc import Callable

import httpx2
import pytest
from pydantic import SecretStr

from mcp_relight.domain.image import Encoded
from mcp_relight.errors import NeedsPublicUrl
from mcp_relight.providers.bucket import Bucket, BucketFolder
from mcp_relight.simulator.control import SimulatorHandle
from mcp_relight.simulator.sigv4 import Signed, problem_with

pytestmark = pytest.mark.anyio

Opened = Callable[..., BucketFolder]


def encoded(data: bytes, mime_type: str) -> Encoded:
    return Encoded(data=data, mime_type=mime_type, width=4, height=3)


@pytest.fixture
def opened(simulator: SimulatorHandle) -> Opened:
    pytest.importorskip("obstore", reason="the extra s3 is not installed")

    def open_with(**changes: str) -> BucketFolder:
        said = simulator.bucket | changes
        return BucketFolder(
            Bucket(
                url=said["url"],
                endpoint=said["endpoint"],
                key_id=said["key_id"],
                secret=SecretStr(said["secret"]),
            )
        )

    return open_with


@pytest.mark.parametrize("size", [7, 12_000_000], ids=["whole", "in parts"])
async def test_a_picture_is_put_read_by_its_address_listed_and_deleted(
    opened: Opened, size: int
) -> None:
    folder, data = opened(), bytes(range(256)) * (size // 256 + 1)
    url = await folder.put("job_1", "image & mask", encoded(data, "image/png"), 600.0)
    other = await folder.put("job_2", "image", encoded(b"other", "image/jpeg"), 600.0)
    answer = httpx2.get(url, trust_env=False)
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["content-type"] == "image/png"
    assert await folder.folders() == ["job_1", "job_2"]

    await folder.clear("job_1")

    assert await folder.folders() == ["job_2"]
    assert httpx2.get(url, trust_env=False).status_code == 404
    assert httpx2.get(other, trust_env=False).content == b"other"


async def test_it_is_private(opened: Opened, simulator: SimulatorHandle) -> None:
    url = await opened().put("job_1", "image", encoded(b"picture", "image/png"), 600.0)
    bare, _, query = url.partition("?")
    for refused in (
        bare,
        url.replace("job_1", "job_2"),
        f"{bare}?{query[:-1]}{'0' if query[-1] != '0' else '1'}",
        url.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
    ):
        assert httpx2.get(refused, trust_env=False).status_code == 403
    assert httpx2.put(url, content=b"over it", trust_env=False).status_code == 403


@pytest.mark.parametrize(
    "changes", [{"secret": "another"}, {"key_id": "another"}, {"url": "s3://another/in"}]
)
async def test_a_wrong_setting_is_refused_as_a_real_bucket_would(
    opened: Opened, changes: dict[str, str]
) -> None:
    with pytest.raises(NeedsPublicUrl, match="could not be used"):
        await opened(**changes).put("job_1", "image", encoded(b"picture", "image/png"), 600.0)


@pytest.mark.parametrize(
    ("now", "problem"), [(1369353600, None), (1369353600 + 86_401, "AccessDenied")]
)
def test_an_address_of_the_documents_is_let_in_until_it_ends(now: int, problem: str | None) -> None:
    """AWS publishes this one: Authenticating requests, using query parameters."""
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    request = Signed("GET", "/test.txt", query, {"host": "examplebucket.s3.amazonaws.com"})
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    key_id = "AKIAIOSFODNN7EXAMPLE"
    assert problem_with(request, key_id=key_id, secret=secret, now=now) == problem
