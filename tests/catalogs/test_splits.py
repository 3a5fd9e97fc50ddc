"""The hash split keeps products where they are, on every machine."""

import pytest

from kaleido.catalogs.splits import hash_split

_SHARES = (0.8, 0.1, 0.1)


def test_the_shares_are_met_on_many_ids():
    ids = [f"sku-{number}" for number in range(20_000)]
    drawn = [hash_split(product_id, _SHARES) for product_id in ids]
    # Four standard deviations of a binomial draw: 0.011 and 0.0085.
    assert drawn.count("train") / len(ids) == pytest.approx(0.8, abs=0.012)
    assert drawn.count("validation") / len(ids) == pytest.approx(0.1, abs=0.009)
    assert drawn.count("test") / len(ids) == pytest.approx(0.1, abs=0.009)


def test_the_draw_never_changes():
    ids = [str(number) for number in range(1, 13)]
    letters = {"train": "t", "validation": "v", "test": "x"}
    drawn = {
        seed: "".join(letters[hash_split(key, (0.4, 0.3, 0.3), seed)] for key in ids)
        for seed in (0, 1)
    }
    assert drawn == {0: "xvvtxvtvtvxv", 1: "xvvtvtttxxtx"}


def test_a_larger_test_share_keeps_the_products_that_were_in_it():
    ids = [str(number) for number in range(500)]
    small = {key for key in ids if hash_split(key, (0.9, 0.0, 0.1)) == "test"}
    large = {key for key in ids if hash_split(key, (0.7, 0.0, 0.3)) == "test"}
    assert small < large


def test_ids_of_any_script_are_split():
    assert hash_split("größe-青", (0.0, 1.0, 0.0)) == "validation"


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="Received: shares="):
        hash_split("1", shares)
