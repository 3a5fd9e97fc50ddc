"""Overlaps, pointing and shares by hand; the truth, a lot and a prior as methods."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaleido.alignment_truth import AlignableWords
from kaleido.masking import ALIGNED_LEVELS
from kaleido.metrics.alignment import (
    alignment_figures,
    centre_patch_maps,
    covered_shares,
    foreground_patch_maps,
    hottest_cells,
    patch_maps,
    pointing_hits,
    random_patch_maps,
    right_patches,
    word_average_maps,
)

GRID = 14


def words_of(boxes, parts=None, text=None, product=None):
    """Words of one piece each; `boxes` is a list of boxes for each word."""
    width = max(len(own) for own in boxes)
    table = np.zeros((len(boxes), width, 4))
    names = np.full((len(boxes), width), "", "<U12")
    for row, own in enumerate(boxes):
        table[row, : len(own)] = own
        names[row, : len(own)] = parts[row] if parts else "part"
    order = np.arange(len(boxes), dtype=np.int32)
    return AlignableWords(
        product=order if product is None else np.array(product, np.int32),
        first=order + 1,
        end=order + 2,
        text=np.array(text or ["word"] * len(boxes)),
        parts=names,
        boxes=table,
    )


def drawn_words(count, seed=0, smallest=0.15):
    """Words with one to three boxes, no side shorter than two cells of the grid."""
    rng = np.random.default_rng(seed)
    boxes = []
    for _ in range(count):
        sides = rng.uniform(smallest, 0.6, (rng.integers(1, 4), 2))
        corner = rng.uniform(0, 1 - sides)
        boxes.append(np.concatenate([corner, corner + sides], axis=1))
    names = [[f"p{k}" for k in range(len(own))] for own in boxes]
    return words_of(
        boxes, names, [f"w{k}" for k in rng.integers(0, 9, count)],
        rng.integers(0, count // 3, count),
    )


def best_patches(words):
    """What a method that knows the truth aligns: the best patch of each level."""
    tables = [
        covered_shares(words.boxes, n).reshape(len(words), -1) for n in ALIGNED_LEVELS
    ]
    return np.stack([table.argmax(axis=1) for table in tables], axis=1)


def drawn_patches(count, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, n * n, count) for n in ALIGNED_LEVELS], axis=1)


def figures(words, maps, patches, has_map=None, moving=None):
    every = np.ones(len(words), bool)
    return alignment_figures(
        words, maps, every if has_map is None else has_map, patches,
        every if moving is None else moving,
    )


def test_shares_of_cells_by_hand():
    # x in [0, 1/2) reaches half of the middle column, y in [0, 1/3) the first row.
    shares = covered_shares(np.array([[[0, 0, 1 / 2, 1 / 3]]]), 3)
    assert shares[0] == pytest.approx(np.array([[1, 0.5, 0], [0, 0, 0], [0, 0, 0]]))
    # Two boxes that overlap: what both cover counts once.
    two = covered_shares(np.array([[[0, 0, 0.5, 1], [0.25, 0, 0.75, 1]]]), 2)
    assert two[0] == pytest.approx(np.array([[1, 0.5], [1, 0.5]]))
    assert covered_shares(np.zeros((2, 3, 4)), 5).sum() == 0
    assert covered_shares(np.zeros((0, 1, 4)), 5).shape == (0, 5, 5)


_SIXTIETH = st.integers(0, 60)


@given(
    st.lists(st.tuples(*[_SIXTIETH] * 4), min_size=1, max_size=4),
    st.sampled_from([1, 3, 4, 5]),
)
def test_shares_are_those_of_a_raster(corners, n):
    raster = np.zeros((60, 60))
    boxes = []
    for x1, x2, y1, y2 in corners:
        (x1, x2), (y1, y2) = sorted((x1, x2)), sorted((y1, y2))
        raster[y1:y2, x1:x2] = 1
        boxes.append([x1, y1, x2, y2])
    side = 60 // n
    expected = raster.reshape(n, side, n, side).mean(axis=(1, 3))
    shares = covered_shares(np.array([boxes]) / 60, n)[0]
    np.testing.assert_allclose(shares, expected, atol=1e-9)


def test_a_patch_is_right_from_half_of_the_best_overlap_on():
    words = words_of(
        [
            [[0, 0, 1 / 2, 1 / 3]],  # shares 1 and 1/2: exactly half of the best
            [[0, 0, 0.49, 1 / 3]],
            # The best patch need not be full: shares 0.36 and 0.18.
            [[0.4 / 3, 0.4 / 3, 1.3 / 3, 1 / 3]],
            [[0.5, 0.5, 0.5, 0.5]],  # nothing is right where there is nothing
        ]
    )
    right = [np.flatnonzero(row).tolist() for row in right_patches(words, 3)]
    assert right == [[0, 1], [0], [0, 1], []]


def test_the_hottest_cell_and_what_ties_do():
    maps = np.zeros((5, 4, 4))
    maps[0, 2, 1] = 0.3
    maps[1, 1, :] = 1.0  # a row: the middle has two cells, the first of them wins
    maps[2, 0, :3] = 1.0  # three cells: the middle one
    maps[3] = 0.7  # flat
    maps[4, 0, 0] = maps[4, 3, 3] = 1.0  # the middle itself is cold
    assert hottest_cells(maps).tolist() == [9, 5, 1, 5, 0]
    assert hottest_cells(np.zeros((1, 5, 5))).tolist() == [12]
    maps[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        hottest_cells(maps)


def test_pointing_by_hand():
    # Cell (row 2, column 1) of a 4 x 4 map has its centre at x = 0.375, y = 0.625.
    maps = np.zeros((1, 4, 4))
    maps[0, 2, 1] = 1.0

    def hit(*boxes):
        return bool(pointing_hits(words_of([list(boxes)]), maps)[0])

    assert hit([0.3, 0.6, 0.4, 0.7])
    assert not hit([0.6, 0.3, 0.7, 0.4])  # x and y changed over
    assert not hit([0.4, 0.6, 0.6, 0.7])  # within the cell, beside its centre
    assert hit([0.9, 0.9, 1, 1], [0.3, 0.6, 0.4, 0.7])  # any of the boxes will do
    # Between two boxes is in neither.
    assert not hit([0.0, 0.6, 0.1, 0.7], [0.8, 0.6, 1, 0.7])


def test_figures_by_hand():
    words = words_of(
        [
            [[0, 0, 1 / 3, 1 / 3]],
            [[2 / 3, 2 / 3, 1, 1]],
            [[0, 0, 1, 1]],
        ],
        parts=[["collar"], ["hem"], ["body"]],
    )
    # Level 4: shares 1, 1/3, 1/9. Level 5: 1, 2/3, 4/9 (less than half).
    assert [right_patches(words, n).sum(axis=1).tolist() for n in ALIGNED_LEVELS] == [
        [1, 1, 9], [1, 1, 16], [3, 3, 25],
    ]  # fmt: skip
    maps = np.zeros((3, GRID, GRID))
    maps[0, 0, 0] = maps[1, 0, 0] = 1.0  # right for the collar, wrong for the hem
    patches = np.array([[0, 1, 5], [8, -1, 0], [-1, -1, -1]])
    result = figures(
        words, maps, patches,
        has_map=np.array([True, True, False]), moving=np.array([True, False, False]),
    )
    assert result["all"] == {
        "words": 3, "coverage": 2 / 3,
        "mapped_words": 2, "pointing": 1 / 2, "found": 1 / 3, "pointing_limit": 1.0,
        # Right: the collar's 0 of level 3 and 5 of level 5, the hem's 8 of level 3.
        "aligned_patches": 5, "precision": 3 / 5,
        "right_patches": 60, "recall": 3 / 60, "recall_limit": 9 / 60,
        "levels": {
            "3": {"aligned_patches": 2, "hit_rate": 1.0},
            "4": {"aligned_patches": 1, "hit_rate": 0.0},
            "5": {"aligned_patches": 2, "hit_rate": 1 / 2},
        },
    }  # fmt: skip
    assert result["moving"] == result["parts"]["collar"]
    assert result["moving"]["pointing"] == 1.0
    assert result["moving"]["precision"] == pytest.approx(2 / 3)
    assert result["parts"]["hem"]["pointing"] == 0.0
    # There is nothing to take a share of: no zero that looks like a result.
    body = result["parts"]["body"]
    assert (body["pointing"], body["precision"], body["coverage"]) == (None, None, 0.0)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_truth_as_a_method_is_perfect():
    words = drawn_words(300)
    all_words = figures(
        words, covered_shares(words.boxes, GRID), best_patches(words)
    )["all"]
    assert all_words["precision"] == all_words["pointing"] == 1.0
    assert all_words["coverage"] == all_words["pointing_limit"] == 1.0
    assert all_words["recall"] == all_words["recall_limit"] < 1.0


def test_a_part_between_the_centres_of_cells_cannot_be_pointed_at():
    words = words_of([[[0.51, 0, 0.53, 1]], [[0, 0, 1, 1]]])
    truth = covered_shares(words.boxes, GRID)
    all_words = figures(words, truth, best_patches(words))["all"]
    assert all_words["pointing"] == all_words["pointing_limit"] == 0.5
    assert all_words["precision"] == 1.0


def test_patches_by_lot_are_right_as_often_as_right_ones_are_there():
    words = drawn_words(6000)
    levels = figures(
        words, random_patch_maps(len(words), GRID, seed=1), drawn_patches(len(words))
    )["all"]["levels"]
    for n in ALIGNED_LEVELS:
        chances = right_patches(words, n).mean(axis=1)
        error = np.sqrt((chances * (1 - chances)).sum()) / len(words)
        assert abs(levels[str(n)]["hit_rate"] - chances.mean()) < 3 * error


def test_a_map_by_lot_points_into_a_box_as_often_as_the_box_is_large():
    box = [0.2, 0.4, 0.8, 0.6]  # the three patches of the middle row
    words = words_of([[box]] * 6000)
    maps = random_patch_maps(len(words), GRID, seed=3)
    error = np.sqrt(0.12 * 0.88 / len(words))
    assert abs(pointing_hits(words, maps).mean() - 3 / 25) < 3 * error
    assert (maps == random_patch_maps(len(words), GRID, seed=3)).all()
    assert (maps != random_patch_maps(len(words), GRID, seed=4)).any()


def test_the_order_of_the_words_changes_nothing():
    words = drawn_words(200)
    rng = np.random.default_rng(5)
    maps, patches = rng.random((200, GRID, GRID)), drawn_patches(200)
    has_map, moving = rng.random(200) < 0.8, rng.random(200) < 0.3
    order = rng.permutation(200)
    moved = AlignableWords(*(values[order] for values in vars(words).values()))
    assert figures(words, maps, patches, has_map, moving) == figures(
        moved, maps[order], patches[order], has_map[order], moving[order]
    )
    average, found = word_average_maps(words.text, words.product, maps, has_map)
    again, also = word_average_maps(
        words.text[order], words.product[order], maps[order], has_map[order]
    )
    np.testing.assert_allclose(again, average[order], atol=1e-12)
    assert (also == found[order]).all()


def test_the_parts_add_up_to_all_words():
    words = drawn_words(200)
    result = figures(words, np.ones((200, GRID, GRID)), drawn_patches(200))
    assert set(result["parts"]) == {"p0", "several"}
    for key in ("words", "mapped_words", "aligned_patches", "right_patches"):
        total = sum(part[key] for part in result["parts"].values())
        assert total == result["all"][key]


def test_what_words_without_a_map_hold_does_not_matter():
    words = drawn_words(50)
    has_map = np.arange(50) % 2 == 0
    maps = np.random.default_rng(0).random((50, GRID, GRID))
    spoilt = np.where(has_map[:, None, None], maps, np.nan)
    patches = np.where(has_map[:, None], drawn_patches(50), -1)
    assert figures(words, maps, patches, has_map) == figures(
        words, spoilt, patches, has_map
    )


@pytest.mark.parametrize("index", [9, -2])
def test_an_index_that_is_not_of_its_level_is_refused(index):
    words = drawn_words(6)
    patches = drawn_patches(6)
    patches[2, 0] = index
    with pytest.raises(ValueError, match="within the levels"):
        figures(words, np.ones((6, GRID, GRID)), patches)
    with pytest.raises(ValueError, match="a row for each"):
        figures(words, np.ones((5, GRID, GRID)), drawn_patches(6))


@pytest.mark.parametrize("level", ALIGNED_LEVELS)
def test_the_map_of_a_patch_points_at_the_patch(level):
    patches = np.arange(level * level)
    rows, columns = np.divmod(patches, level)
    boxes = np.stack([columns, rows, columns + 1, rows + 1], axis=1) / level
    words = words_of([[box] for box in boxes])
    maps = patch_maps(patches, GRID, level)
    assert pointing_hits(words, maps).all()
    # A patch holds its share of the grid's cells.
    assert maps.sum(axis=(1, 2)) == pytest.approx(GRID * GRID / level**2)


def test_centre_and_foreground_baselines_by_hand():
    centre = centre_patch_maps(2, GRID)
    assert (centre[0] == patch_maps([12], GRID)[0]).all() and centre.shape[0] == 2
    foreground = np.zeros((2, 5, 5))
    foreground[0, 3, 4] = 0.9
    foreground[1, 1:4, 0:3] = 1.0  # nine full patches: the middle one of them
    maps = foreground_patch_maps(foreground, GRID)
    assert (maps == patch_maps([19, 11], GRID)).all()


def test_the_average_map_of_a_word_leaves_its_product_out():
    text = np.array(["hem", "hem", "hem", "hem", "toe", "toe"])
    product = np.array([0, 0, 1, 2, 0, 0])
    maps = np.arange(1.0, 7.0)[:, None, None] * np.ones((6, 2, 2))
    has_map = np.array([True, True, True, False, True, True])
    average, found = word_average_maps(text, product, maps, has_map)
    # Product 0 is left with product 1's map; 2 had none itself and takes all.
    assert average[:, 0, 0] == pytest.approx([3, 3, 1.5, 2, 0, 0])
    # Only product 0 says "toe", though twice.
    assert found.tolist() == [True] * 4 + [False] * 2


def test_the_true_average_finds_what_stays_in_place_and_not_what_moves():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.8, (100, 2))
    boxes = [[[0.4, 0.9, 0.6, 1.0]]] * 100
    boxes += [[np.concatenate([corner, corner + 0.2])] for corner in corners]
    words = words_of(
        boxes, [["hem"]] * 100 + [["logo"]] * 100, ["hem"] * 100 + ["logo"] * 100
    )
    maps, found = word_average_maps(
        words.text, words.product, covered_shares(words.boxes, GRID), np.ones(200, bool)
    )
    hits = pointing_hits(words, maps)
    assert found.all() and hits[:100].all() and hits[100:].mean() < 0.3
