"""Shop HTML becomes the text that a reader of the page would see."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaleido.catalogs.text_fields import (
    check_text_fields,
    compose_text,
    fold_whitespace,
    has_text,
    plain_text,
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<p>Blue <b>T</b>-shirt</p><p>Cotton</p>", "Blue T-shirt Cotton"),
        ("line one<br>line two<BR/>three", "line one line two three"),
        ("<ul><li>slim fit</li><li>zip</li></ul>", "slim fit zip"),
        ("<p>Red</p>dress<div>of</div>silk", "Red dress of silk"),
        ("<title>Shop</title><xml><w:x>Normal</w:x></xml>Red", "Red"),
        ("caf&eacute;&nbsp;&amp; bar", "café & bar"),
        ("H&amp;amp;M &amp;lt;3", "H&M <3"),
        ("&lt;p&gt;Red&lt;br&gt;dress&lt;/p&gt;", "Red dress"),
        ("&amp;lt;p&amp;gt;Red&amp;lt;/p&amp;gt;", "Red"),
        ("<p>waist &lt; 40</p>", "waist < 40"),
        ("height 6' &#8217;&#x22;", "height 6' ’\""),
        ("a<!-- hidden <b>x</b> -->b", "a b"),
        ("<style>p {color: red}</style><p>Red</p>", "Red"),
        ("<script>if (a<b) f()</script>Red", "Red"),
        ("<p>fabric<o:p></o:p></p>", "fabric"),
        ('<p title="x > y" class=z>Red</p>', "Red"),
        ("<p style='width: 5\">Red</p>", "Red"),
        ("<p>diameter: 40 mm<</p>", "diameter: 40 mm"),
        ("\ufeffsoft\u00ad\u200b \t wool\x00", "soft wool"),
    ],
)
def test_markup_goes_and_its_text_stays(raw, expected):
    assert plain_text(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "size < 40",
        "size <40 and >30",
        "sizes <xs> to <xl>",
        "<3",
        "H&M",
        "R&D; &notch;",
    ],
)
def test_plain_text_with_angle_brackets_and_ampersands_is_kept(raw):
    assert plain_text(raw) == raw
    assert plain_text(f"<p>{raw}</p>").replace(";", "") == raw.replace(";", "")


@given(st.text(alphabet="ab <>&;/p#3\n\"'!-\xe9"))
def test_any_text_survives_being_escaped_as_html(text):
    inside = fold_whitespace(text)
    assert plain_text(f"<div>{html.escape(text)}</div>") == plain_text(inside)


@given(st.text(max_size=60) | st.text(alphabet="ab <>&;/p!-#&lt", max_size=60))
def test_the_cheap_check_agrees_with_the_parser(raw):
    assert has_text(raw) == bool(plain_text(raw))


@given(st.text())
def test_plain_text_is_one_line_of_valid_unicode(raw):
    text = plain_text(raw)
    assert text == " ".join(text.split())
    text.encode("utf-8")


def test_lone_surrogates_become_question_marks():
    assert fold_whitespace("a \ud83d b") == "a ? b"


def test_texts_are_joined_with_one_full_stop():
    assert compose_text("Blue dress", "Made of silk.") == "Blue dress. Made of silk."
    assert compose_text("Blue dress.", "Silk") == "Blue dress. Silk"
    assert compose_text("Blue dress!", "Silk") == "Blue dress! Silk"
    assert compose_text("  Blue \n dress ", "") == "Blue dress"
    assert compose_text("", "Silk") == "Silk"
    assert compose_text("Blue", "Silk", ("description",)) == "Silk"
    assert compose_text("Blue", "Silk", ("title",)) == "Blue"
    assert compose_text("Blue", "Silk", ("description", "title")) == "Blue. Silk"


@given(st.text(), st.text().filter(str.strip))
def test_the_description_is_a_verbatim_suffix(title, description):
    assert compose_text(title, description).endswith(description)


@pytest.mark.parametrize("fields", [(), ("name",), ("title", "title"), "brand"])
def test_unknown_text_fields_are_refused(fields):
    with pytest.raises(ValueError, match="Received: text_fields="):
        check_text_fields(fields)
