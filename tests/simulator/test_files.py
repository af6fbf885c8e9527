"""Faults of the result files."""

import gzip
import io
from collections.abc import Callable

import httpx2
import pytest
from PIL import Image

from mcp_relight.simulator.pictures import WORDS_IN_METADATA
from tests.simulator.caller import Caller, kinds

Sees = Callable[[httpx2.Response], bool]


def opens(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data)).load()
    except OSError:
        return False
    return True


def declared_pixels(data: bytes) -> int:
    width_px, height_px = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    return width_px * height_px


SERVED: dict[str, Sees] = {
    "file_expired": lambda r: r.status_code == 403 and b"AccessDenied" in r.content,
    "file_html": lambda r: r.headers["content-type"].startswith("text/html"),
    "file_text_as_png": lambda r: r.headers["content-type"] == "image/png" and not opens(r.content),
    "file_svg": lambda r: b"<script>" in r.content,
    "file_bomb": lambda r: len(r.content) < 100_000 and declared_pixels(r.content) == 400_000_000,
    "file_empty": lambda r: r.status_code == 200 and r.content == b"",
    "file_truncated": lambda r: (
        r.headers["content-length"] == str(len(r.content)) and not opens(r.content)
    ),
    "file_octet_stream": lambda r: (
        r.headers["content-type"] == "application/octet-stream" and opens(r.content)
    ),
    "file_other_format": lambda r: (
        r.headers["content-type"] == "image/png" and r.content[:2] == b"\xff\xd8"
    ),
    "file_with_instructions": lambda r: (
        Image.open(io.BytesIO(r.content)).info["Description"] == WORDS_IN_METADATA
    ),
    "file_gzip": lambda r: r.headers["content-encoding"] == "gzip",
    "file_no_length": lambda r: "content-length" not in r.headers and opens(r.content),
    "file_redirect": lambda r: r.status_code == 302 and "moved" in r.headers["location"],
    "file_redirect_loop": lambda r: r.headers["location"] == str(r.request.url),
    "file_redirect_metadata": lambda r: "169.254.169.254" in r.headers["location"],
    "file_redirect_private": lambda r: "10.20.30.40" in r.headers["location"],
    "file_tiny": lambda r: Image.open(io.BytesIO(r.content)).size == (1, 1),
}


def test_every_file_kind_is_tried_here() -> None:
    assert set(SERVED) == kinds("file")


@pytest.mark.parametrize("kind", sorted(SERVED))
def test_a_file_fault_is_served_as_named_and_then_the_honest_picture(
    provider: Caller, kind: str
) -> None:
    url = provider.picture_url()
    provider.simulator.fault(provider.provider, "download", kind)

    assert SERVED[kind](provider.client.get(url))
    honest = provider.client.get(url)
    assert honest.status_code == 200
    assert opens(honest.content)


def test_a_redirect_ends_at_the_picture_even_where_it_is_always_scripted(
    pixeldojo: Caller,
) -> None:
    url = pixeldojo.picture_url()
    pixeldojo.simulator.fault("pixeldojo", "download", "file_redirect", times=0)

    response = pixeldojo.client.get(url, follow_redirects=True)

    assert len(response.history) == 1
    assert opens(response.content)


def test_a_gzipped_picture_is_the_picture(pixeldojo: Caller) -> None:
    url = pixeldojo.picture_url()
    pixeldojo.simulator.fault("pixeldojo", "download", "file_gzip")

    with pixeldojo.client.stream("GET", url) as response:
        raw = b"".join(response.iter_raw())

    assert opens(gzip.decompress(raw))


def test_a_file_can_be_not_found_or_cut(pixeldojo: Caller) -> None:
    url = pixeldojo.picture_url()
    pixeldojo.simulator.fault("pixeldojo", "download", "status_404")
    pixeldojo.simulator.fault("pixeldojo", "download", "cut_reply")

    assert pixeldojo.client.get(url).status_code == 404
    with pytest.raises(httpx2.RemoteProtocolError):
        pixeldojo.client.get(url)


def test_faults_of_one_provider_leave_another_s_files_alone(
    pixeldojo: Caller, segmind: Caller
) -> None:
    ours, theirs = pixeldojo.picture_url(), segmind.picture_url()
    segmind.simulator.fault("segmind", "download", "file_empty", times=0)

    assert opens(pixeldojo.client.get(ours).content)
    assert segmind.client.get(theirs).content == b""
