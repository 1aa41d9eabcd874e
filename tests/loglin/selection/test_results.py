import numpy as np

from loglin import select_features
from tests.loglin.selection.samples import rare_and_real


def test_a_selection_shows_itself(rng):
    x, u = rare_and_real(rng, 1000)
    ours = select_features(x, u, 3, start="best-pair", num_shuffles=9, rng=rng)
    records = ours.records()
    assert [record["step"] for record in records] == [1, 2, 3]
    assert [record["feature"] for record in records] == ours.features.tolist()
    assert records[1]["gain"] == ours.gains[1]
    assert np.isnan(records[0]["gain"])
    lines = str(ours).split("\n")
    assert len(lines) == 4
    for line, record in zip(lines[1:], records, strict=True):
        assert f"{record['gain']:.2f}" in line
        assert ("by chance" in line) == record["by_chance"]
