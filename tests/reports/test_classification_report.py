"""The page of a classifier says what was confused with what, and escapes."""

import re

import numpy as np
import pytest

from kaleido.metrics.classification import classification_figures, confusion
from kaleido.reports.classification_plots import plot_confusion, plot_reliability
from kaleido.reports.classification_report import (
    classification_page,
    frequent_confusions,
)
from kaleido.reports.page import jpeg_uri

NAMES = ("boots", "hats & caps", "<b>shoes</b>", "new in the test")


@pytest.fixture
def case():
    """Ten pictures: boots are taken for hats five times, hats for shoes once."""
    labels = np.array([0] * 7 + [1, 2, 3])
    predicted = np.array([1] * 5 + [0, 0, 2, 2, 0])
    sure = np.array([0.5, 0.9, 0.6, 0.8, 0.7, 0.9, 0.9, 0.9, 0.9, 0.9])
    probabilities = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
    probabilities[np.arange(10), predicted] = sure
    examples = [
        {"image_id": f"i{k}", "text": f"<i>text {k}", "thumbnail": b"jpeg %d" % k}
        for k in range(10)
    ]
    figures = {**classification_figures(probabilities, labels), "n": 10}
    rows = {"ours & co": figures, "nearest": {**figures, "calibration_error": None}}
    return dict(
        title="CR & SUB", rows=rows, names=NAMES, probabilities=probabilities,
        labels=labels, examples=examples, note="Test; the audit removed 2 < 3.",
    )


def test_the_page_holds_the_figures_of_every_row(case):
    page = classification_page(**case)
    ours, nearest = (
        re.findall(r"<td>(.*?)</td>", row)
        for row in re.findall(r"<tr><td>(?:ours|near).*?</tr>", page, re.DOTALL)
    )
    # Right: two boots and a shoe. F: boots 2·2/(3+7), hats 0, shoes 2·1/(1+2); the
    # class that only the test has 0.
    macro = f"{(0.4 + 0 + 2 / 3 + 0) / 4:.3f}"
    assert ours[:1] + ours[1:2] + ours[3:5] == ["ours &amp; co", "30.0", macro, macro]
    assert ours[6] == "10" and nearest[5] == "not available" != ours[5]
    assert "the audit removed 2 &lt; 3." in page and "CR &amp; SUB" in page
    assert "1 example is of classes that training does not have" in page
    assert page.count("data:image/png") == 2


def test_confusions_come_by_their_number_with_the_surest_examples(case):
    page = classification_page(**case)
    assert "the most frequent of 7 errors" in page
    found = re.findall(r"<tr><td>([^<]*) → ([^<]*)</td><td>(\d+)", page)
    assert found == [
        ("boots", "hats &amp; caps", "5"),
        ("hats &amp; caps", "&lt;b&gt;shoes&lt;/b&gt;", "1"),
        ("new in the test", "boots", "1"),
    ]
    # Four of the five boots, the surest first; then the hat, and the new one.
    assert re.findall(r'alt="(i\d)"', page) == ["i1", "i3", "i4", "i2", "i7", "i9"]
    assert jpeg_uri(b"jpeg 1") in page and jpeg_uri(b"jpeg 0") not in page
    assert "&lt;i&gt;text 1" in page and "<i>text" not in page


def test_a_perfect_classifier_confuses_nothing(case):
    case["probabilities"] = np.eye(3)[[0] * 7 + [1, 2, 2]]
    case["labels"] = np.array([0] * 7 + [1, 2, 2])
    page = classification_page(**case)
    assert "There are none." in page and "training does not have" not in page


def test_the_twenty_most_frequent_confusions_are_listed():
    counts = np.arange(36).reshape(6, 6)
    pairs = frequent_confusions(counts)
    assert len(pairs) == 20 and all(true != predicted for true, predicted in pairs)
    listed = [counts[pair] for pair in pairs]
    off = np.sort(counts[~np.eye(6, dtype=bool)])[::-1]
    assert listed == off[:20].tolist()


def test_the_heat_map_shows_shares_of_rows():
    labels = np.array([0] * 5 + [2] * 10 + [1] * 4)
    predicted = np.array([0, 0, 0, 2, 1] + [2] * 9 + [3] + [1] * 4)
    figure = plot_confusion(confusion(predicted, labels, 4), "abc$", most=2)
    (axis,) = figure.axes
    # By frequency: class 2, class 0; what is left of a row went elsewhere.
    np.testing.assert_allclose(
        axis.images[0].get_array(), [[0.9, 0.0, 0.1], [0.2, 0.6, 0.2]]
    )
    rows = [label.get_text() for label in axis.get_yticklabels()]
    columns = [label.get_text() for label in axis.get_xticklabels()]
    assert rows == ["c (10)", "a (5)"] and columns == ["c", "a", "others"]
    assert sorted(t.get_text() for t in axis.texts) == ["10", "20", "20", "60", "90"]
    # A class without an example has no row, and a dollar begins no formula.
    whole = plot_confusion(confusion(labels, labels, 4), ["$a$", "b", "c", "d"])
    assert len(whole.axes[0].get_yticklabels()) == 3
    whole.canvas.draw()


def test_the_reliability_diagram_shows_how_often_each_bin_is_right():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 2)
    figure = plot_reliability(probabilities, np.array([0, 0, 0, 1, 1, 1]))
    above, below = figure.axes
    assert [bar.get_height() for bar in above.patches] == [0.0, 0.75]
    assert sum(bar.get_height() for bar in below.patches) == 6
    for bar, sure in zip(above.patches, (0.6, 0.9)):
        assert bar.get_x() <= sure <= bar.get_x() + bar.get_width() + 1e-9


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"examples": []}, "Received: 10 probabilities, 10 labels, 0 examples"),
        ({"names": NAMES[:3]}, "Received: 3 names, 3 classes, labels up to 3"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_error(case, changes, message):
    with pytest.raises(ValueError, match=message):
        classification_page(**{**case, **changes})
