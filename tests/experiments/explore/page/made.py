"""Findings on planted data: small, deterministic, and without a model.

Three latents are on or off, five features follow each, and five follow none; a fourth latent is
idle. The synthetic cells have all combinations of the latents; no real cell has the first two on
together, so that these patterns are a fault of the "model".
"""

from functools import cache

import numpy as np

from experiments.explore.findings import About, ByLabel, Course, Findings
from loglin import (
    COVERING,
    Coverage,
    Patterns,
    coverage,
    embed,
    frequent_patterns,
    pattern_distances,
    select_features,
    stability,
    stand_ins,
)

NAMES = np.array([
    "CD79A", "CD79B", "MS4A1", "CD74", "HLA-DRA", "NKG7", "GNLY", "GZMB", "PRF1", "CST7",
    "LYZ", "S100A8", "S100A9", "FCN1", "CST3", "ACTB", "B2M", "MALAT1", "TMSB4X", "RPS27",
])  # fmt: skip
ODD_NAMES = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', r"$\frac", "=1+1", "a" * 300,
    "two\nlines\x00and\x1bmore", "\u202etxt.exe", "]]>", "&amp;", "' onload='alert(1)",
]  # fmt: skip
"""Names that would be markup, formulas or broken pages, if they were read as such."""


def cells(num_cells, rng, *, is_real):
    """Return codes of the features (n, 20) and of the latents (n, 4)."""
    u = rng.integers(2, size=(num_cells, 3))
    u[:, 2] &= rng.integers(2, size=num_cells)
    if is_real:
        u[u[:, 0] == 1, 1] = 0
    flips = np.tile([0.04, 0.04, 0.05, 0.1, 0.2], 3)
    x = np.repeat(u, 5, axis=1) ^ (rng.random((num_cells, 15)) < flips)
    x = np.column_stack([x, rng.random((num_cells, 5)) < 0.6]).astype(np.int8)
    idle = rng.integers(2, size=num_cells)
    return x, np.column_stack([u, idle]).astype(np.int8)


def about(names=NAMES, **others):
    known = {
        "title": "blood.h5ad",
        "names": np.asarray(names),
        "num_cells": 900,
        "kind": "counts",
        "coding": "A gene is on in a cell that has at least one count of it.",
        "left_out": {"never on": ["XIST", "HBB"], "always on": ["EEF1A1"]},
        "provenance": {"model": "VAE, 4 latents", "seed": "0", "loglin": "0.1.0"},
        "noun": "gene",
    }
    return About(**(known | others))


def _by_label(x, u, features, states):
    names = np.array(["T cells", "B cells", "NK cells", "monocytes"])
    kind = np.select([u[:, 0] == 1, u[:, 1] == 1, u[:, 2] == 1], [1, 2, 3], 0)
    order = np.argsort(-np.bincount(kind), kind="stable")
    has = (x[:, None, features] == states).all(axis=2)
    counts = np.array(
        [[(has[:, k] & (kind == c)).sum() for c in order] for k in range(len(states))]
    )
    accuracy = {"chosen": (0.91, 0.01), "random": (0.62, 0.05), "variance": (0.7, 0.02),
                "all": (0.95, 0.01)}  # fmt: skip
    return ByLabel(names[order], counts, np.bincount(kind)[order], accuracy, "cell_type")


def _course(start):
    epochs = np.arange(1, 31)
    training = -6.0 - 5.0 * np.exp(-epochs / (6 + start))
    held_out = training - 0.05 - 0.0004 * epochs**2
    advantage = np.linspace(0.5, 1.5, 90)
    return Course(epochs, training, held_out, advantage, int(epochs[held_out.argmax()]))


@cache
def findings(starts=3, num_features=6, num_patterns=8):
    """Return what is found in the samples of some starts."""
    rng = np.random.default_rng(16)
    samples = [cells(1_000, rng, is_real=False) for _ in range(starts)]
    x, u = [codes for codes, _ in samples], [latents for _, latents in samples]
    real, latents = cells(900, rng, is_real=True)
    selection = select_features(x, u, num_features, stop="chance", **COVERING)
    features = selection.features
    by_start = [
        select_features(*s, num_features, stop="chance", **COVERING).features for s in samples
    ]
    together = np.concatenate(x)
    patterns = frequent_patterns(together, features, num_patterns)
    has = (real[:, None, features] == patterns.states).all(axis=2)
    distances = pattern_distances(together, np.concatenate(u), features, patterns.states)
    return Findings(
        model="VAE",
        selection=selection,
        share_on=(real[:, features] > 0).mean(axis=0),
        p_values=None,
        by_start=by_start,
        stability=stability(real, by_start) if starts > 1 else None,
        coverage=coverage(x[0], u[0], features),
        stand_ins=stand_ins(x, u, features),
        patterns=patterns,
        num_samples=len(together),
        real_counts=has.sum(axis=0),
        num_cells=len(real),
        points=embed(distances) if len(distances) > 2 else np.full((len(distances), 2), np.nan),
        by_label=_by_label(real, latents, features, patterns.states),
        courses=[_course(start) for start in range(starts)],
    )


@cache
def nothing_found():
    """Return findings where no feature is more than chance."""
    rng = np.random.default_rng(7)
    x, u = rng.integers(2, size=(500, 20)), rng.integers(2, size=(500, 4))
    selection = select_features(x, u, 5, stop="chance", **COVERING)
    none = np.zeros(0, np.intp)
    by_label = ByLabel(
        np.array(["a", "b"]), np.zeros((0, 2), np.int64), np.array([600, 300]), {}, "type"
    )
    return Findings(
        model="VAE",
        selection=selection,
        share_on=np.zeros(0),
        p_values=None,
        by_start=[none],
        stability=None,
        coverage=Coverage(np.zeros((0, 4)), np.zeros(4), np.full(4, np.log(2))),
        stand_ins=stand_ins(x, u, [0])
        ._replace(steps=none, features=none)
        ._replace(gains=np.zeros(0), z=np.zeros(0), shared=np.zeros(0)),
        patterns=Patterns(np.zeros((0, 0), np.int8), np.zeros(0, np.int64)),
        num_samples=500,
        real_counts=np.zeros(0, np.int64),
        num_cells=900,
        points=np.zeros((0, 2)),
        by_label=by_label,
        courses=[_course(0)],
    )
