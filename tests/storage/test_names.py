"""File names made from what strangers wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_relight.storage.paths import is_plain, is_plain_windows_path, safe_stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mug", "mug"),
        ("Grüße aus Köln", "Grüße aus Köln"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("a/b\\c:d", "a-b-c-d"),
        (".hidden", "hidden"),
        ("", "photo"),
        ("...", "photo"),
        ("a\nb\x00c\u202ed\x1b[31m", "abcd[31m"),
        ("two\u2028lines\u2029", "twolines"),
        ("CON", "photo-CON"),
        ("lpt1.old", "photo-lpt1.old"),
        ("trailing. ", "trailing"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_name_becomes_a_stem_for_every_system(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


@pytest.mark.parametrize(
    "name",
    [
        "mug",
        "Grüße",
        "写真\u3000一",
        "Screenshot 9.41\u202fAM",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
    ],
)
def test_names_people_give_are_plain(name: str) -> None:
    assert is_plain(name)


@pytest.mark.parametrize(
    "hidden",
    [
        "\n",
        "\r",
        "\x1b[31m",
        "\x85",
        "\u2028",
        "\u202e",
        "\u2066",
        "\u200b",
        "\U000e0041",
        "\udcff",
    ],
)
def test_a_name_that_hides_something_is_not_plain(hidden: str) -> None:
    assert not is_plain(f"mug{hidden}cup")


@given(st.text(max_size=300))
def test_no_text_makes_a_bad_stem(name: str) -> None:
    stem = safe_stem(name)
    assert 0 < len(stem) <= 80
    assert len((stem + "-9999.jpg").encode()) <= 255
    assert not stem.startswith(".")
    assert not set(stem) & set('/\\:*?"<>|')
    assert stem.isprintable() or all(char.isprintable() or char.isspace() for char in stem)
    assert is_plain_windows_path(stem)
    assert safe_stem(stem) == stem
