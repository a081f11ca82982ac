"""Strict JSON: each kind of trouble has its sentence, everything sound passes unchanged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Problem
from api.json_body import parse


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b"\xff{}", "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b'{"a": 1, "a": 2}', '"a" twice'),
        (b'{"x": {"a": 1, "b": 2, "a": 1}}', '"a" twice'),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": ["\\ud800"]}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"\\ud800": 1, "\\ud800": 1}', "twice"),
        (b'{"a": "\x00"}', "not JSON"),
        (b"[" * 100 + b"]" * 100, "deeper"),
        (b"[" * 500_000 + b"]" * 500_000, "deeper"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "deeper"),
    ],
)
def test_trouble_has_its_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert caught.value.status == 422
    assert sentence in caught.value.detail
    json.loads(caught.value.response().body)  # the answer itself is sound


def test_pairs_of_surrogates_and_escaped_backslashes_are_fine() -> None:
    assert parse(b'{"a": "\\ud83d\\ude00", "b": "\\\\u0000"}') == {"a": "😀", "b": "\\u0000"}


sound = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(sound, st.booleans())
def test_sound_json_passes_unchanged(value: object, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
