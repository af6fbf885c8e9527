"""The rules for Windows, which are about text and can be judged anywhere."""

import pytest

from mcp_relight.storage.paths import is_plain_windows_path


@pytest.mark.parametrize(
    "text",
    [
        "a.png",
        "sub\\a.png",
        "sub/a b.png",
        "..\\a.png",
        ".\\a.png",
        "C:\\Users\\me\\a.png",
        "c:/Users/me/a.png",
        "~\\Pictures\\a.png",
        "console.png",
        "com10.png",
        ".hidden",
    ],
)
def test_a_plain_path_is_plain(text: str) -> None:
    assert is_plain_windows_path(text)


@pytest.mark.parametrize(
    "text",
    [
        "\\\\server\\share\\a.png",
        "//server/share/a.png",
        "\\/server\\share\\a.png",
        "\\\\?\\C:\\a.png",
        "\\\\.\\pipe\\a",
        "\\\\?\\UNC\\server\\share\\a.png",
        "\\??\\C:\\a.png",
        "C:a.png",
        "\\a.png",
        "/a.png",
        "a.png:stream",
        "C:\\a.png::$DATA",
        "CON",
        "con.png",
        "C:\\sub\\NUL",
        "Aux.tar.gz",
        "lpt1 .png",
        "COM\u00b9.png",
        "conin$",
        "a.png.",
        "a.png ",
        "sub.\\a.png",
        "a*.png",
        "a?.png",
        'a".png',
        "a|b.png",
        "...",
    ],
)
def test_devices_streams_shares_and_ambiguous_names_are_not_plain(text: str) -> None:
    assert not is_plain_windows_path(text)
