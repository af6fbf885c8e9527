"""A bucket that speaks as much S3 as a client needs to put, sign, read, list and delete pictures.

Addresses are of the path style: /s3/<bucket>/<key>. Every request must be signed, by header or in
the query, as at AWS; nothing is kept on disk. Source: AWS, Amazon S3 API reference.
"""

import hashlib
import html
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mcp_relight.simulator.sigv4 import Signed, problem_with

NAME, KEY_ID, SECRET = "rehearsal", "rehearsal-key", "rehearsal-secret"

MAX_OBJECTS = 200
MAX_OBJECT_BYTES = 60_000_000
MAX_PARTS = 100
_METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
_KEYS = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
_STATUS = {"NoSuchKey": 404, "NoSuchBucket": 404, "NoSuchUpload": 404, "EntityTooLarge": 400}


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    media_type: str
    written_at: float

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class _Upload:
    """One that comes in parts."""

    key: str
    media_type: str
    parts: dict[int, bytes]


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Bucket:
    """The objects of the one bucket there is. The oldest go when there are too many."""

    def __init__(self) -> None:
        self._objects: OrderedDict[str, _Object] = OrderedDict()
        self._uploads: OrderedDict[str, _Upload] = OrderedDict()

    def clear(self) -> None:
        self._objects.clear()
        self._uploads.clear()

    def keys(self) -> list[str]:
        return sorted(self._objects)

    def routes(self) -> list[Route]:
        paths = ("/{bucket}/{key:path}", "/{bucket}")
        return [Route(path, self._answer, methods=_METHODS) for path in paths]

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._served(request)
        except _Refused as refusal:
            return _xml(
                f"<Error><Code>{refusal.code}</Code></Error>", _STATUS.get(refusal.code, 403)
            )

    async def _served(self, request: Request) -> Response:
        raw: bytes = request.scope["raw_path"]
        signed = Signed(
            request.method, raw.decode("ascii"), request.url.query, dict(request.headers)
        )
        problem = problem_with(signed, key_id=KEY_ID, secret=SECRET, now=time.time())
        if problem is not None:
            raise _Refused(problem)
        if request.path_params["bucket"] != NAME:
            raise _Refused("NoSuchBucket")
        key: str = request.path_params.get("key", "")
        asked = request.query_params
        if not key:
            return await self._whole_bucket(request)
        match request.method:
            case "PUT":
                return await self._put(key, request)
            case "POST":
                return await self._in_parts(key, request)
            case "DELETE":
                self._objects.pop(key, None)
                self._uploads.pop(asked.get("uploadId", ""), None)
                return Response(status_code=204)
            case _:
                return self._get(key, request)

    def _get(self, key: str, request: Request) -> Response:
        found = self._objects.get(key)
        if found is None:
            raise _Refused("NoSuchKey")
        written = datetime.fromtimestamp(found.written_at, UTC)
        headers = {
            "ETag": found.etag,
            "Last-Modified": f"{written:%a, %d %b %Y %H:%M:%S} GMT",
        }
        # Starlette leaves the body of an answer to HEAD away.
        return Response(found.data, media_type=found.media_type, headers=headers)

    async def _put(self, key: str, request: Request) -> Response:
        asked, data = request.query_params, await _body(request)
        if "uploadId" in asked:
            upload, number = self._upload(asked), int(asked.get("partNumber", "0"))
            if not 1 <= number <= MAX_PARTS:
                raise _Refused("EntityTooLarge")
            upload.parts[number] = data
            part = _Object(data, "", time.time())
            return Response(headers={"ETag": part.etag})
        return Response(headers={"ETag": self._keep(key, data, _media_type(request))})

    async def _in_parts(self, key: str, request: Request) -> Response:
        asked = request.query_params
        if "uploads" in asked:
            upload_id = secrets.token_hex(8)
            self._uploads[upload_id] = _Upload(key, _media_type(request), {})
            while len(self._uploads) > MAX_OBJECTS:
                self._uploads.popitem(last=False)
            name = "InitiateMultipartUploadResult"
            inner = f"<Bucket>{NAME}</Bucket><Key>{html.escape(key)}</Key>"
            return _xml(f"<{name}>{inner}<UploadId>{upload_id}</UploadId></{name}>")
        upload = self._upload(asked)
        data = b"".join(upload.parts[number] for number in sorted(upload.parts))
        etag = self._keep(upload.key, data, upload.media_type)
        self._uploads.pop(asked["uploadId"], None)
        name = "CompleteMultipartUploadResult"
        return _xml(f"<{name}><Key>{html.escape(key)}</Key><ETag>{etag}</ETag></{name}>")

    def _upload(self, asked: Mapping[str, str]) -> _Upload:
        upload = self._uploads.get(asked.get("uploadId", ""))
        if upload is None:
            raise _Refused("NoSuchUpload")
        return upload

    def _keep(self, key: str, data: bytes, media_type: str) -> str:
        if len(data) > MAX_OBJECT_BYTES:
            raise _Refused("EntityTooLarge")
        self._objects[key] = kept = _Object(data, media_type, time.time())
        self._objects.move_to_end(key)
        while len(self._objects) > MAX_OBJECTS:
            self._objects.popitem(last=False)
        return kept.etag

    async def _whole_bucket(self, request: Request) -> Response:
        if request.method == "POST" and "delete" in request.query_params:
            text = (await _body(request)).decode("utf-8", "replace")
            keys = [html.unescape(key) for key in _KEYS.findall(text)]
            for key in keys:
                self._objects.pop(key, None)
            gone = "".join(f"<Deleted><Key>{html.escape(key)}</Key></Deleted>" for key in keys)
            return _xml(f"<DeleteResult>{gone}</DeleteResult>")
        if request.method == "GET":
            return self._list(request.query_params)
        return Response(status_code=200 if request.method in ("PUT", "HEAD") else 405)

    def _list(self, asked: Mapping[str, str]) -> Response:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        rows, folders = list[str](), dict[str, None]()
        for key in self.keys():
            if not key.startswith(prefix):
                continue
            inner, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if cut:
                folders[prefix + inner + cut] = None
                continue
            one = self._objects[key]
            written = datetime.fromtimestamp(one.written_at, UTC)
            rows.append(
                f"<Contents><Key>{html.escape(key)}</Key><Size>{len(one.data)}</Size>"
                f"<LastModified>{written:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                f"<ETag>{html.escape(one.etag)}</ETag></Contents>"
            )
        rows += [
            f"<CommonPrefixes><Prefix>{html.escape(name)}</Prefix></CommonPrefixes>"
            for name in folders
        ]
        name = "ListBucketResult"
        head = f"<Name>{NAME}</Name><Prefix>{html.escape(prefix)}</Prefix>"
        head += f"<KeyCount>{len(rows)}</KeyCount><IsTruncated>false</IsTruncated>"
        return _xml(f"<{name}>{head}{''.join(rows)}</{name}>")


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_OBJECT_BYTES:
            raise _Refused("EntityTooLarge")
    return bytes(data)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "application/octet-stream")


def _xml(text: str, status: int = 200) -> Response:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(head + text, status, media_type="application/xml")
