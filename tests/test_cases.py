"""Cases for people to look at: right ones, wrong ones, the same each time."""

import json

import numpy as np

from kaleido.cases import cases_path, choose_cases, retrieval_cases


def examples(count):
    return [{"text": f"text {i}", "thumbnail": b"jpeg%d" % i} for i in range(count)]


def test_right_and_wrong_ones_come_in_equal_numbers_as_far_as_there_are_any():
    right = np.zeros(40, bool)
    right[[3, 7]] = True
    said = [f"said {i}" for i in range(40)]
    cases = choose_cases(right, examples(40), said)
    assert [case["right"] for case in cases] == [True] * 2 + [False] * 6
    numbers = [int(case["text"].split()[1]) for case in cases]
    assert set(numbers[:2]) == {3, 7} and len(set(numbers)) == 8
    assert [case["said"] for case in cases] == [f"said {i}" for i in numbers]
    assert cases == choose_cases(right, examples(40), said)
    json.dumps(cases)


def test_a_query_shows_what_came_first():
    def item(name):
        return {"text": name, "thumbnail": name.encode()}

    query = {
        "rank": 3, "query": item("own"), "results": [item("first"), item("second")]
    }
    picture, text = retrieval_cases({"itr": [query], "tir": [query]})
    assert not picture["right"] and picture["said"] == "itr, rank 3: first"
    assert picture["text"] == text["text"] == "own"
    # A picture asks in ITR, and answers in TIR.
    assert picture["image"] != text["image"]


def test_cases_lie_beside_their_results():
    assert cases_path("runs/a.json") == "runs/a.cases.json"
