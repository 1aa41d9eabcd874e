"""Studies that set something beside the selection: NMF, cuts, likelihood, categories, baselines."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import entropy

from experiments import baselines, categories, cut_points, likelihood, nmf, significance
from experiments.__main__ import main
from experiments.cortex import load_cortex
from experiments.cortex_models import Trained, tuning_units
from experiments.runs import Done
from experiments.stairs import StairConfig, simulate_stairs, stage_probabilities, stair_genes
from loglin import contingency_table

TINY_COURSE = "--num-epochs 2 --every 2 --num-samples 300 --num-selected 3"
TINY_CORTEX = f"{TINY_COURSE} --batch-size 50 --num-starts 1 --seeds 1"
TINY_STAIRS = "--num-cells 60 --num-stages 3 --num-noise 4"


def page(capsys, out, study, arguments):
    main([study, *arguments.split(), "--out", str(out)])
    capsys.readouterr()
    for figure in (out / study).glob("*.png"):
        assert figure.stat().st_size > 5000
    return (out / "index.html").read_text()


@pytest.mark.usefixtures("cortex_data")
def test_nmf_and_cut_points_from_data_to_page(tmp_path, capsys):
    more = "--num-receptors 2 --num-factors 2 --num-factor-starts 2 --num-random-sets 3"
    html = page(capsys, tmp_path, "nmf", f"{TINY_CORTEX} {more}")
    assert "Only NMF selects Gria3 and Enpp2" in html
    files = set(tmp_path.rglob("cortex-models/*/*.npz"))
    assert len(files) == 2  # one DBM a panel
    html = page(capsys, tmp_path, "cut-points", f"{TINY_CORTEX} --cuts 0.3 0.5")
    assert "too few cuts, or models of each" in html
    # The DBM at the median is the one of the other study.
    assert len(set(tmp_path.rglob("cortex-models/*/*.npz")) - files) == 1


@pytest.mark.usefixtures("cortex_data")
def test_categories_from_data_to_page(tmp_path, capsys):
    settings = "--num-epochs 1 --every 1 --num-samples 300 --num-selected 2 2 --seeds 1"
    html = page(capsys, tmp_path, "categories", f"{settings} {TINY_STAIRS}")
    assert "training stopped at epoch 1" in html
    assert "<th>4 categories</th>" in html


def test_likelihood_from_data_to_page(tmp_path, capsys):
    arguments = f"{TINY_COURSE} {TINY_STAIRS} --models vae --num-held-out 40 --seeds 2"
    html = page(capsys, tmp_path, "likelihood", arguments)
    assert "VAE: a model chosen by this criterion shows the structure." in html


def test_baselines_from_data_to_page(tmp_path, capsys):
    sizes = "--num-cells 40 --num-noise 5 --probability-noise 0.1 0.2 --num-presented 80"
    more = "--num-selected 3 --num-samples 200 --num-factors 2 --seeds 2"
    html = page(capsys, tmp_path, "baselines", f"{sizes} {more}")
    for method in baselines.METHODS:
        assert f"<th>{method}</th>" in html


def test_significance_from_data_to_page(tmp_path, capsys):
    null = "--null.num-cells 30 --null.num-stages 1 --null.num-noise 0 --null-epochs 1"
    stairs = f"{TINY_STAIRS} --num-epochs 1 --num-selected 3 --num-stairs 1"
    more = "--null-selected 3 --num-permutations 4 --num-samples 100 --seeds 2"
    html = page(capsys, tmp_path, "significance", f"{null} {stairs} {more}")
    assert "p up to 0.25 in" in html
    assert "p up to 0.1 in" not in html  # with four permutations no p-value is that small
    assert "1 data set of the stair" in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nmf --panel receptors", "`panel` and `models` cannot be chosen"),
        ("nmf --num-receptors 81", "`num_receptors` must be from 1 to 80, got 81"),
        ("cut-points --cuts 0.5", "`cuts` must be different, at least two"),
        ("cut-points --cuts 0.3 0.4", "`cuts` must hold `cut`, 0.5, got"),
        ("cut-points --models vae", "`panel` and `models` cannot be chosen"),
        ("categories --num-categories 3 4", "`num_categories` must be different, 2 the first"),
        ("likelihood --models vae vae", "`models` must be different"),
        ("baselines --num-cells", "`num_cells` must hold at least one number"),
        ("baselines --num-selected 51", "`num_selected` must be from 2 to 50, got 51"),
        ("significance --max-exceedances 0", "`max_exceedances` must be at least 1, got 0"),
        ("significance --null-selected 11", "`null_selected` must be from 2 to 10, got 11"),
    ],
)
def test_bad_settings_get_one_sentence(arguments, message):
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        main(arguments.split())


def test_log_likelihood_of_stages_is_that_of_the_enumerated_mixture():
    probabilities = np.array([[0.2, 0.9, 0.5], [0.7, 0.1, 0.3]])
    states = np.array(list(product([0, 1], repeat=3)))
    exact = [np.where(state, probabilities, 1 - probabilities).prod(1).mean() for state in states]
    assert sum(exact) == pytest.approx(1)
    for state, chance in zip(states, exact, strict=True):
        found = likelihood.log_likelihood(state[None], probabilities)
        assert found == pytest.approx(np.log(chance))


def test_stage_probabilities_are_those_that_draw_the_cells(rng):
    config = StairConfig(num_cells=40_000, num_stages=4, num_noise=2)
    cells = simulate_stairs(config, rng)
    frequencies = [cells.x[cells.stage == stage].mean(axis=0) for stage in range(4)]
    np.testing.assert_allclose(stage_probabilities(config), frequencies, atol=0.03)


def test_mutual_information_is_that_of_the_tables(rng):
    u = rng.integers(2, size=(500, 2)).astype(np.int8)
    x = np.column_stack([u[:, 1] ^ (rng.random(500) < 0.1), rng.integers(2, size=500)])
    x = x.astype(np.int8)

    def exact(feature, latent):
        table = contingency_table(np.column_stack([feature, latent])) / 500
        return entropy(table.ravel(), np.outer(table.sum(1), table.sum(0)).ravel())

    expected = [max(exact(feature, latent) for latent in u.T) for feature in x.T]
    np.testing.assert_allclose(baselines.mutual_information(x, u), expected, atol=1e-12)


def test_hits_are_stair_genes_among_the_first():
    (size,) = baselines.Config(
        num_cells=(50,), num_noise=(5,), probability_noise=(0.1,), num_selected=3
    ).sizes()
    noise = np.flatnonzero(stair_genes(size.stairs).role == "noise")
    features = np.array([[0, noise[0], 1], [noise[0], noise[1], noise[2]]])
    found = baselines.hits(size, [Done(size, 0, baselines.Result(features), {})])
    np.testing.assert_array_equal(found[0], [[1, 1, 2], [0, 0, 0]])


def test_verdicts_of_significance_follow_the_numbers(rng):
    config = significance.Config()
    informative = stair_genes(config.stairs).role != "noise"
    order = np.concatenate([np.flatnonzero(informative)[:8], np.flatnonzero(~informative)[:2]])

    def done(of_null, of_samples, of_stairs):
        null = [
            significance.Result(
                np.arange(4), np.ones(4), np.array([np.nan, *of_null()]), np.array(0),
                np.ones((9, 4)), np.array([np.nan, *of_samples()]),
            )
            for _ in range(200)
        ]  # fmt: skip
        p_values = np.array([np.nan, *of_stairs])
        number = int((p_values[1:] > 0.05).argmax()) + 1
        stair = significance.Result(
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


@pytest.mark.usefixtures("cortex_data")
def test_genes_that_mark_the_classes_separate_them_better():
    config = nmf.Config(num_random_sets=20)
    done = []
    for panel, marking in (("markers", ["Pvalb", "Rorb"]), ("receptors", ["Gria3", "Gad1"])):
        cells = load_cortex(panel)
        tuning = config.panel(panel)
        mark = np.flatnonzero(np.isin(cells.genes, marking))
        size = tuning.course.num_selected
        others = np.setdiff1d(np.arange(len(cells.genes)), mark)
        best, rest = np.append(mark, others)[:size], others[-size:]
        (unit,) = tuning_units(replace(tuning, num_starts=1), [0])
        course = _course_of(best)
        empty = np.zeros((1, 1), np.int8)
        done.append(Done(unit.settings, 0, Trained(course, np.ones(1), empty, empty), {}))
        (factorized,) = [
            u for u in nmf.units(config, [0])
            if isinstance(u.settings, nmf.Factorizations) and u.settings.panel == panel
        ]  # fmt: skip
        result = nmf.Factorized(np.stack([best, rest]), np.ones(2), np.ones((2, 1, 1)))
        done.append(Done(factorized.settings, 0, result, {}))
    found = nmf.compare(config, "markers", done, load_cortex("markers"))
    assert found.separation["DBM"] == found.separation["NMF of expression"]
    assert found.separation["DBM"] > found.separation["NMF of codes"]
    section = nmf.summarize(config, done)
    assert "NMF of expression 12.0 (12.0 to 12.0) of 12" in section.statements[0].measured
    assert section.statements[3].verdict == "not reproduced"  # all receptors are shared
    markers_only = [unit for unit in done if unit.settings.panel == "markers"]
    (statement,) = nmf.summarize(config, markers_only).statements
    assert statement.measured == "only markers done"


def _course_of(features):
    from tests.test_studies import course

    return course(features, [0])


def test_ranking_of_cuts():
    found = {
        cut: cut_points.Quality(np.full(3, index), np.full(3, 0.5), np.ones(3))
        for cut, index in ((0.3, 1.0), (0.4, 1.5), (0.5, 2.0))
    }
    assert cut_points._ranking(found).verdict == "reproduced"
    assert cut_points._ranking({0.3: found[0.3], 0.5: found[0.5]}).verdict == "not measured"
    found[0.3] = found[0.3]._replace(davies_bouldin=np.full(3, 5.0))
    statement = cut_points._ranking(found)
    assert statement.verdict == "not reproduced"
    assert "by the index: 0.4, 0.5, 0.3" in statement.measured


@pytest.mark.usefixtures("cortex_data")
def test_genes_that_tell_types_count_as_better():
    config = categories.Config(num_categories=(2, 3))
    cells = load_cortex("markers")
    (settings,) = [s for s in config.settings() if s.data == "cortex"]
    good = np.flatnonzero(np.isin(cells.genes, ["Pvalb", "Sst", "Vip", "Rorb"]))
    bad = np.arange(4)
    done = [
        Done(settings, seed, categories.Result(np.array([100]), np.array([[bad, good]])), {})
        for seed in range(3)
    ]
    types = categories.qualities(settings, done)["types told right"]
    assert (types[:, 0, 1] > types[:, 0, 0] + 0.1).all()
    assert categories.summarize(config, done).statements[0].verdict == "not reproduced"
    same = np.array([[good, good]])
    done = [unit._replace(result=categories.Result(np.array([100]), same)) for unit in done]
    assert categories.summarize(config, done).statements[0].verdict == "reproduced"
    assert categories.summarize(config, done[:2]).statements[0].verdict == "not measured"


def test_significance_without_the_stairs_is_shown_as_such():
    config = significance.Config()
    result = significance.Result(
        np.arange(4), np.ones(4), np.array([np.nan, 0.5, 0.5, 0.5]), np.array(0),
        np.ones((9, 4)), np.array([np.nan, 0.5, 0.5, 0.5]),
    )  # fmt: skip
    done = [Done(config.settings(True), 0, result, {})]
    section = significance.summarize(config, done)
    assert [statement.verdict for statement in section.statements] == ["not measured"] * 2
    assert "0 data sets of the stair" in section.introduction
