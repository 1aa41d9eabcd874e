import numpy as np
import pytest

from experiments.data.stairs import stair_genes
from experiments.runs.units import Done
from experiments.studies import significance
from experiments.studies.significance.experiment import Result
from tests.experiments.tiny import run

pytestmark = pytest.mark.xdist_group("stairs")  # they train the same models


def test_from_data_to_page(tmp_path, capsys):
    # Data sets of one shape, so that one model is compiled.
    null = "--null.num-cells 40 --null.num-stages 3 --null.num-noise 4 --null.num-epochs 2"
    stairs = "--num-cells 40 --num-stages 3 --num-noise 4 --num-epochs 2 --num-selected 3"
    more = "--null.num-selected 3 --num-stairs 1 --num-permutations 4 --num-samples 300 --seeds 2"
    settings = f"{null} {stairs} {more} --batch-size 10"
    _, html = run(capsys, "significance", settings, tmp_path)
    assert "p up to 0.25 in" in html
    assert "p up to 0.1 in" not in html  # with four permutations no p-value is that small
    assert "1 data set of the stair" in html


def test_verdicts_of_significance_follow_the_numbers(rng):
    config = significance.Config()
    informative = stair_genes(config.stair.stairs).role != "noise"
    order = np.concatenate([np.flatnonzero(informative)[:8], np.flatnonzero(~informative)[:2]])

    def done(of_null, of_samples, of_stairs):
        null = [
            Result(
                np.arange(4), np.ones(4), np.array([np.nan, *of_null()]), np.array(0),
                np.ones((9, 4)), np.array([np.nan, *of_samples()]),
            )
            for _ in range(200)
        ]  # fmt: skip
        p_values = np.array([np.nan, *of_stairs])
        number = int((p_values[1:] > 0.05).argmax()) + 1
        stair = Result(
            order, np.ones(10), p_values, np.array(number if number > 1 else 0),
            np.ones((9, 10)), p_values,
        )  # fmt: skip
        return [
            Done(config.settings(True), seed, result, {}) for seed, result in enumerate(null)
        ] + [Done(config.settings(False), 0, stair, {})]

    def uniform():
        return rng.random(3)

    def small():
        return 0.04 * rng.random(3)

    as_in_the_paper = done(uniform, small, [0.01] * 7 + [0.5] * 2)
    found = significance.summarize(config, as_in_the_paper).statements
    assert [statement.verdict for statement in found] == ["reproduced"] * 3
    assert "8.0 are significant" in found[2].measured
    otherwise = done(small, uniform, [0.5] * 9)
    found = significance.summarize(config, otherwise).statements
    assert [statement.verdict for statement in found] == ["not reproduced"] * 3


def test_significance_without_the_stairs_is_shown_as_such():
    config = significance.Config()
    result = Result(
        np.arange(4), np.ones(4), np.array([np.nan, 0.5, 0.5, 0.5]), np.array(0),
        np.ones((9, 4)), np.array([np.nan, 0.5, 0.5, 0.5]),
    )  # fmt: skip
    done = [Done(config.settings(True), 0, result, {})]
    section = significance.summarize(config, done)
    assert [statement.verdict for statement in section.statements] == ["not measured"] * 2
    assert "0 data sets of the stair" in section.introduction
