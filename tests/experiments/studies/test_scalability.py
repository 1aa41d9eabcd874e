import numpy as np
import pytest

from experiments.runs.units import Done
from experiments.studies.scalability import Config, Result, entropy_of_latents, summarize
from tests.experiments.studies.made import trajectory, verdicts
from tests.experiments.tiny import run


@pytest.mark.deep  # two DBMs to compile
def test_from_data_to_page(tmp_path, capsys):
    settings = "--num-noise 4 8 --num-cells 40 --num-epochs 2 --every 2 --num-samples 300"
    out, html = run(capsys, "scalability", f"{settings} --num-selected 3 --seeds 2", tmp_path)
    assert "4 units" in out
    assert "36 genes: " in html
    assert "40 genes: " in html


def test_entropy_is_one_bit_for_a_fair_latent_and_none_for_an_idle_one():
    fair, idle = np.tile([0, 1], 50), np.ones(100)
    seldom = np.arange(100) < 10
    bits = -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)
    found = entropy_of_latents(np.column_stack([fair, idle, seldom]))
    assert found == pytest.approx([1, 0, bits])


def found(noise_genes, num_noise, seed, bits=1.0):
    """A unit whose last ten genes are from the stair, save so many noise genes."""
    settings = Config().size(num_noise)
    chosen = np.r_[np.arange(10 - noise_genes), 32 + np.arange(noise_genes)]
    result = Result(trajectory(chosen, [0, 40]), np.full((2, 10), bits), np.full(2, 9000.0))
    return Done(settings, seed, result, {})


@pytest.mark.parametrize(
    ("noise", "expected", "held"),
    [
        # noise genes of the seeds with 200, 500 and 1000 genes
        ({168: [0, 0], 468: [0, 1], 968: [1, 2]}, ["reproduced", "reproduced"], [[1, 1], [1, 1]]),
        ({168: [0, 0], 468: [0, 0], 968: [0, 0]}, ["reproduced", "partly"], [[1, 1], [0, 0]]),
        ({168: [0, 0], 468: [1, 1], 968: [9, 9]}, ["not reproduced", "partly"], [[0, 0], [0, 0]]),
        ({168: [0, 0], 468: [1, 0]}, ["partly", "reproduced"], [[1, 1], [1, 0]]),
        ({168: [0, 0]}, ["not measured", "not measured"], [[], []]),
    ],
)
def test_verdicts_follow_the_numbers(noise, expected, held):
    units = [
        found(number, size, seed)
        for size, numbers in noise.items()
        for seed, number in enumerate(numbers)
    ]
    section = summarize(Config(), units)
    assert verdicts(section) == expected
    assert [list(statement.holds) for statement in section.statements] == held


def test_a_seed_counts_if_it_was_run_with_every_number_of_genes():
    units = [found(0, 168, seed) for seed in range(3)] + [found(1, 968, seed) for seed in (1, 2, 5)]
    section = summarize(Config(), units)
    assert [len(statement.holds) for statement in section.statements] == [2, 2]
