"""Which local files can be read, and that the refusals all read the same."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_relight.errors import ImageNotFound, ImageTooLarge, RelightError
from mcp_relight.storage import paths
from mcp_relight.storage.paths import local_path, read_explicit, read_under

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes are made the POSIX way")

LIMIT_BYTES = 100
PICTURE = b"a picture"
SECRET = b"a secret"


@dataclass(frozen=True)
class Place:
    """An allowed folder that is also the working folder, and what surrounds it."""

    root: Path
    outside: Path

    def read(self, reference: str) -> bytes:
        return read_under(local_path(reference), [self.root], max_bytes=LIMIT_BYTES)


@pytest.fixture(params=["walk", "without directory handles"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    if request.param != "walk":
        monkeypatch.setattr(paths, "_CAN_WALK", False)
    root, outside = tmp_path / "pictures", tmp_path / "outside"
    for folder in (
        root / "sub" / "deep",
        root / "sub" / ".cache",
        root / ".ssh",
        outside,
        tmp_path / "pictures2",
    ):
        folder.mkdir(parents=True)
    for name in ("a.png", "sub/b c.png", "sub/deep/c.png", "\u00fc.png", "50%25.png", "x#1?.png"):
        (root / name).write_bytes(PICTURE)
    for name in (".ssh/id_rsa", ".env", "sub/.cache/x.png", "../outside/secret.png"):
        (root / name).write_bytes(SECRET)
    (tmp_path / "pictures2" / "x.png").write_bytes(SECRET)
    (root / "closed.png").write_bytes(SECRET)
    (root / "closed.png").chmod(0)
    for name, target in {
        "to-a.png": "a.png",
        "to-sub": "sub",
        "to-secret.png": outside / "secret.png",
        "to-outside": outside,
        "to-to-secret.png": "to-outside/secret.png",
        "to-hidden.png": ".env",
        "to-etc.png": "/etc/passwd",
        "to-zero.png": "/dev/zero",
        "to-environ.png": "/proc/self/environ",
        "loop.png": "loop.png",
        "ping": "pong",
        "pong": "ping",
        "dangling.png": "gone.png",
        "up": "..",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "pipe.png")
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(root))
    yield Place(root, outside)
    (root / "closed.png").chmod(0o600)


GOOD = (
    "a.png",
    "./a.png",
    "sub/b c.png",
    "sub/../a.png",
    "sub//deep/c.png",
    "{root}/a.png",
    "{root}/../pictures/a.png",
    "~/a.png",
    "to-a.png",
    "to-sub/deep/c.png",
    "\u00fc.png",
    "50%25.png",
    "x#1?.png",
    "up/pictures/a.png",
    "file://{root}/a.png",
    "FILE://{root}/a.png",
    "file://localhost{root}/a.png",
    "file://{root}/sub/b%20c.png",
    "file://{root}/%C3%BC.png",
    "file://{root}/x%231%3F.png",
)


@pytest.mark.parametrize("reference", GOOD)
def test_a_picture_in_an_allowed_folder_is_read(place: Place, reference: str) -> None:
    assert place.read(reference.format(root=place.root)) == PICTURE


BAD = (
    # not there, or not a plain file
    *("gone.png", "sub/gone.png", "gone/a.png", "a.png/b.png", "dangling.png", "pipe.png"),
    *("loop.png", "ping", "ping/a.png", "-", "*.png", "$HOME/a.png", "`id`", "|id", "a.png;id"),
    *("x" * 300, "x" * 5000, "sub/" * 1000 + "a.png", "sub/../" * 500 + "gone.png"),
    # outside
    *("/", "..", "../", "/etc", "/etc/passwd", "/etc/shadow", "../outside/secret.png"),
    *("sub/../../outside/secret.png", "{root}/../outside/secret.png", "{outside}/secret.png"),
    *("{root}2/x.png", "../pictures2/x.png", "....//....//etc/passwd", "up/outside/secret.png"),
    *("/proc/self/environ", "/proc/self/root/etc/passwd", "/proc/self/cwd/../outside/secret.png"),
    *("/dev/stdin", "/dev/zero", "/dev/fd/0", "/dev/tty"),
    # links that lead outside
    *("to-secret.png", "to-to-secret.png", "to-outside/secret.png", "to-outside", "to-etc.png"),
    *("to-zero.png", "to-environ.png", "up", "up/outside"),
    # hidden
    *(".env", ".ssh/id_rsa", ".ssh", "sub/.cache/x.png", "sub/.cache", "to-hidden.png", "~/.env"),
    *("./.env", "sub/../.env", "{root}/.ssh/id_rsa", "file://{root}/.env"),
    # somebody else's
    *("~root/a.png", "~nobody", "~a.png"),
    # not text of a path
    *("", "a.png\0", "a.png\0.jpg", "a.png\n", "\ta.png", "a\x1b[2J.png", "a.png\x7f", "a\x85.png"),
    *("\ud800.png", "a.png\r"),
    # other systems and machines
    *("..\\outside\\secret.png", "sub\\b c.png", "C:\\Windows\\win.ini", "C:/Windows/win.ini"),
    *("c:a.png", "\\\\server\\share\\x.png", "//server/share/x.png", "//{root}/a.png"),
    *("\\\\?\\C:\\x.png", "\\\\.\\pipe\\x", "CON", "NUL", "a.png:stream", "a.png::$DATA"),
    # encodings of paths that are not encoded, and URLs that are
    *("%2e%2e/outside/secret.png", "..%2foutside%2fsecret.png", "a%2Epng", "..%252foutside"),
    *("file://{root}/../outside/secret.png", "file://{root}/%2e%2e/outside/secret.png"),
    *("file://{root}/%252e%252e/outside/secret.png", "file://{root}/sub%2fdeep%2Fc.png"),
    *("file://{root}/a%252Epng", "file://{root}/a.png%00", "file://{root}/a.png%0a"),
    *("file://{root}/%5c..%5coutside", "file://{root}/%ff.png", "file://{root}/a.png?x"),
    *("file://{root}/a.png?", "file://{root}/a.png#x", "file://{root}/a.png#", "file:{root}/a.png"),
    *("file:a.png", "file:", "file://", "file:///", "file://{root}\\a.png", "file:///etc/passwd"),
    *("file://evil.test/etc/passwd", "file://127.0.0.1{root}/a.png", "file:////server/share"),
    *("file://localhost:80{root}/a.png", "file://user@localhost{root}/a.png", "file://[::1/a.png"),
    *("file://~/a.png", "file:///~/a.png", "file://./a.png", "file:///C:/Windows/win.ini"),
    # other schemes
    *("http://a.test/a.png", "ftp://a.test/a.png", "smb://a.test/a.png", "data:image/png,x"),
    *("javascript:1", "latest:a.png"),
)  # fmt: skip


def refusal(place: Place, reference: str) -> tuple[type, str, str]:
    with pytest.raises(RelightError) as caught:
        place.read(reference.format(root=place.root, outside=place.outside))
    return type(caught.value), caught.value.message, caught.value.hint


def test_every_bad_reference_is_refused_with_one_identical_text(place: Place) -> None:
    refusals = {reference: refusal(place, reference) for reference in BAD}
    missing = refusals["gone.png"]
    assert missing[0] is ImageNotFound
    assert {ref: said for ref, said in refusals.items() if said != missing} == {}


def test_the_list_of_bad_references_is_long_enough() -> None:
    assert len(set(BAD)) >= 66


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read anything")
def test_a_file_without_read_permission_reads_like_a_missing_one(place: Place) -> None:
    assert refusal(place, "closed.png") == refusal(place, "gone.png")


@pytest.mark.parametrize("reference", [".", "sub", "sub/", "{root}", "to-sub", "~", "~/sub"])
def test_a_folder_inside_is_told_apart_from_a_picture(place: Place, reference: str) -> None:
    kind, message, hint = refusal(place, reference)
    assert kind is ImageNotFound
    assert "folder" in message
    assert "find_images" in hint


@pytest.mark.parametrize("reference", ["a.png/", "a.png/."])
def test_a_trailing_slash_is_read_as_pathlib_reads_it(place: Place, reference: str) -> None:
    assert place.read(reference) == PICTURE


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_not(place: Place) -> None:
    (place.root / "full.png").write_bytes(b"x" * LIMIT_BYTES)
    (place.root / "over.png").write_bytes(b"x" * (LIMIT_BYTES + 1))
    assert len(place.read("full.png")) == LIMIT_BYTES
    with pytest.raises(ImageTooLarge, match="100 bytes"):
        place.read("over.png")


def test_a_file_that_hides_its_size_is_cut_off_at_the_limit() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs a file that reports no size")
    with pytest.raises(ImageTooLarge):
        read_explicit(Path("/proc/self/status"), max_bytes=10)


def test_without_allowed_folders_nothing_is_read(place: Place) -> None:
    for roots in (
        [],
        [place.root / "gone"],
        [place.root / "a.png" / "x"],
        [place.root / "loop.png"],
    ):
        with pytest.raises(ImageNotFound):
            read_under(place.root / "a.png", roots, max_bytes=LIMIT_BYTES)


def test_a_hidden_folder_can_itself_be_allowed(place: Place) -> None:
    roots = [place.root, place.root / "sub" / ".cache"]
    found = read_under(place.root / "sub" / ".cache" / "x.png", roots, max_bytes=LIMIT_BYTES)
    assert found == SECRET


def test_an_allowed_folder_may_be_a_link(place: Place) -> None:
    found = read_under(place.root / "sub" / "b c.png", [place.root / "to-sub"], max_bytes=100)
    assert found == PICTURE


def test_a_relative_path_starts_at_the_working_folder(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.root / "sub")
    assert place.read("deep/c.png") == PICTURE


def test_a_typed_path_is_its_own_permission(place: Place) -> None:
    for path in (place.outside / "secret.png", place.root / ".env", place.root / "to-secret.png"):
        assert read_explicit(path, max_bytes=LIMIT_BYTES) == SECRET


@pytest.mark.parametrize("name", ["gone.png", "pipe.png", "loop.png", "to-zero.png", "a\0.png"])
def test_a_typed_path_must_still_be_a_regular_file(place: Place, name: str) -> None:
    with pytest.raises(ImageNotFound):
        read_explicit(place.root / name, max_bytes=LIMIT_BYTES)


def test_a_typed_folder_is_told_apart_from_a_picture(place: Place) -> None:
    with pytest.raises(ImageNotFound, match="folder"):
        read_explicit(place.outside, max_bytes=LIMIT_BYTES)


def test_reading_leaves_no_file_open(place: Place) -> None:
    before = open_files()
    for reference in ("a.png", "sub/deep/c.png", "gone.png", "sub", "pipe.png", "to-secret.png"):
        try:
            place.read(reference)
        except ImageNotFound:
            continue
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
