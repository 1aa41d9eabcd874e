"""Cases for the functions of `loglin`."""

import numpy as np

import loglin
from tests.fuzz.contract import check_sentence
from tests.fuzz.values import (
    anything,
    codes,
    frequencies,
    in_a_form,
    one_of,
    some,
    spoiled,
)

SIGNS = list("ABCDEFGxyz[]()*+:^-~,.;|  01239_é'\"\\\n\t")
PIECES = [
    "A*B",
    "B:C",
    "[A B]",
    "[C]",
    "(A+B+C)^2",
    "A",
    " + ",
    "*",
    "C*D",
    "[A B C D]",
    "^3",
    "~",
    "",
]


def model(rng, num_axes):
    """Return a model as text or as sets of axes, often a wrong one."""
    kind = rng.integers(5)
    if kind == 0:
        return "".join(rng.choice(SIGNS, size=rng.integers(0, 25)))
    if kind == 1:
        return "".join(rng.choice(PIECES, size=rng.integers(1, 6)))
    if kind == 2:
        text = loglin.bracket(model_of_sets(rng, num_axes))
        return text if rng.random() < 0.7 else text.replace(one_of(rng, SIGNS), one_of(rng, SIGNS))
    if kind == 3:
        return [tuple(rng.integers(-1, num_axes + 1, rng.integers(0, 4))) for _ in range(3)]
    return model_of_sets(rng, num_axes)


def model_of_sets(rng, num_axes):
    sets = [np.flatnonzero(rng.random(num_axes) < 0.5).tolist() for _ in range(rng.integers(1, 5))]
    return [tuple(axes) for axes in sets]


def names(rng, table):
    words = ["Sex", "Eye.2", "h_1", "Z", "Q", "W"][: np.ndim(table)]
    return one_of(rng, [None, None, None, words, dict.fromkeys(words, "uv"), anything(rng)])


def tables(rng):
    """Fit, and ask the fit everything."""
    table = frequencies(rng)
    given = {"table": in_a_form(rng, table), "generators": model(rng, table.ndim)} | some(
        rng,
        {
            "names": [names(rng, table)],
            "method": ["auto", "ipf", "closed", "direct"],
            "tolerance": [1e-12, 0.1, 0, 1e-300, 1e10],
            "max_iterations": [1, 2, 100_000],
            "start": [rng.integers(2, size=table.shape), np.ones_like(table), table],
            "strict": [True],
        },
    )
    try:
        fit = loglin.fit(**spoiled(rng, given))
    except loglin.NotConvergedError as error:
        check_sentence(str(error), error)
        return
    assert np.isfinite(fit.expected).all()
    assert fit.expected.min() >= 0
    for ask in (str, repr, lambda f: f.effects(), lambda f: f.leverages, lambda f: f.p_value):
        _answered(ask, fit)
    for name in ("df_adjusted", "aic", "bic", "log_likelihood", "x2", "interactions"):
        getattr(fit, name)
    kind = one_of(rng, ["pearson", "deviance", "adjusted", "freeman-tukey", anything(rng)])
    _answered(lambda f: f.residuals(kind), fit)
    if rng.random() < 0.3:
        other = loglin.fit(table, one_of(rng, [[], model_of_sets(rng, table.ndim)]))
        loglin.compare(other, fit)


def _answered(ask, fit):
    try:
        ask(fit)
    except ValueError as error:
        check_sentence(str(error), error)


def searches(rng):
    table = frequencies(rng, 4)
    given = {"table": in_a_form(rng, table)} | some(
        rng,
        {
            "model": [model(rng, table.ndim)],
            "direction": ["forward", "backward", "both"],
            "criterion": ["aic", "bic", "p"],
            "alpha": [0.0, 0.5, 1.0],
            "lower": [model_of_sets(rng, table.ndim)],
            "upper": [model_of_sets(rng, table.ndim)],
            "names": [names(rng, table)],
            "start": [rng.integers(2, size=table.shape)],
        },
    )
    str(loglin.stepwise(**spoiled(rng, given)))


def many_tables(rng):
    table = frequencies(rng, 3)
    stack = np.stack([rng.permuted(np.atleast_1d(table)) for _ in range(rng.integers(1, 5))])
    given = {"tables": in_a_form(rng, stack), "generators": model(rng, table.ndim)}
    given |= some(rng, {"tolerance": [1e-12, 0.1], "max_iterations": [1, 5, 100_000]})
    loglin.fit_tables(**spoiled(rng, given))


def statements_on_tables(rng):
    table = frequencies(rng, 4)
    other = one_of(rng, [table, table + 1, rng.permuted(np.atleast_1d(table)), anything(rng)])
    calls = [
        lambda: loglin.g_squared(in_a_form(rng, table), other),
        lambda: loglin.pearson_x2(in_a_form(rng, table), other),
        lambda: str(loglin.k_way_tests(in_a_form(rng, table), names=names(rng, table))),
        lambda: loglin.compare(anything(rng), loglin.fit([[1, 2], [3, 4]], "[A][B]")),
    ]
    one_of(rng, calls)()


def models_alone(rng):
    number = rng.integers(1, 7)
    sets = one_of(rng, [model_of_sets(rng, number), model_of_sets(rng, number), anything(rng)])
    levels = one_of(rng, [rng.integers(1, 5, number), anything(rng)])
    count = one_of(rng, [rng.integers(0, 8), rng.integers(0, 8), anything(rng)])
    calls = [
        lambda: loglin.junction(sets),
        lambda: loglin.is_graphical(sets),
        lambda: loglin.is_decomposable(sets),
        lambda: loglin.bracket(sets, one_of(rng, [None, "ABCDEFG", anything(rng)])),
        lambda: loglin.degrees_of_freedom(sets, levels),
        lambda: loglin.independence(count),
        lambda: loglin.saturated(count),
        lambda: loglin.joint_independence(count),
        lambda: loglin.conditional_independence(count),
        lambda: loglin.all_interactions(count, one_of(rng, [1, 2, 3, anything(rng)])),
    ]
    one_of(rng, calls)()


SELECTION = {
    "null_model": [
        "joint", "conditional", lambda d: loglin.all_interactions(d, d - 1), loglin.saturated,
        loglin.independence, lambda d: [(d,)], lambda d: None,
    ],
    "across": ["max", "sum"],
    "corrected": [True, False],
    "empty": [0, 0.5, 1e-300, 1e-100, 1e6, 1e300],
    "start": ["empty", "best-pair"],
    "stop": ["chance", None],
    "num_threads": [1, 2, 7],
    "shuffle": ["winner", "all"],
    "num_shuffles": [0, 1, 20],
    "rng": [np.random.default_rng(0)],
}  # fmt: skip


def samples(rng):
    n, p, r = rng.integers(1, 120), rng.integers(1, 7), rng.integers(1, 4)
    return codes(rng, n, p), codes(rng, n, r)


def selections(rng):
    """Select from arrays, lists of models, or chunks."""
    x, u = samples(rng)
    p = x.shape[1]
    given = {"x": in_a_form(rng, x), "u": in_a_form(rng, u)}
    middle = rng.integers(0, len(x) + 1)
    parts = [(x[:middle], u[:middle]), (x[middle:], u[middle:])]
    form = rng.integers(8)
    if form == 0:
        given = {"x": parts, "u": None}
    elif form == 1:
        given = {"x": lambda: iter(parts), "u": None}
    elif form == 2:
        given = {"x": [x, x], "u": [u, in_a_form(rng, u)]}
    elif form == 3:
        given = {"x": [in_a_form(rng, x), x], "u": one_of(rng, [None, u, [u], [u, None]])}
    elif form == 4:
        given = {"x": one_of(rng, [lambda: anything(rng), lambda: [(x, anything(rng))], [x, u],
                                   (x, u), [lambda: parts, lambda: parts]]), "u": None}  # fmt: skip
    elif form == 5:
        given["u"] = None
    given |= some(rng, {"num_features": [1, 2, 3], **SELECTION, "levels": [[127] * p, [2] * p],
                        "candidates": [[0], range(p), [0, "g1"], [anything(rng)]],
                        "names": [[f"g{k}" for k in range(p)], "abcdefg"[:p]]})  # fmt: skip
    given.setdefault("num_features", min(2, p))
    if rng.random() < 0.2:
        given |= loglin.COVERING
    found = loglin.select_features(**spoiled(rng, given, ["num_shuffles"]))
    str(found)
    found.records()


def patterns(rng):
    x, u = samples(rng)
    chosen = rng.permutation(x.shape[1])[: rng.integers(1, 4)].tolist()
    found = loglin.frequent_patterns(x, chosen, 5)
    features = one_of(rng, [chosen, ["g0"], chosen * 2, anything(rng)])
    given = {"x": in_a_form(rng, x), "u": in_a_form(rng, u), "features": features}
    only_x = {"x": given["x"], "features": features}
    labels = {"x_reference": x, "labels": rng.integers(3, size=len(x)), **only_x, "rng": rng}
    states = one_of(rng, [found.states, found.states + 1, found.states[:, :1], anything(rng)])
    several = one_of(rng, [found, None]), one_of(rng, [found, anything(rng)])
    # All arguments are drawn before one call is chosen, so a case needs no more than its number.
    calls = [
        (loglin.frequent_patterns, only_x | some(rng, {"num_patterns": [1, 2**40]})),
        (loglin.pattern_distances, given | {"states": states} | some(rng, {"corrected": [True]})),
        (loglin.coverage, given | some(rng, {"num_folds": [2, 5, 200], "max_samples": [2, 10]})),
        (loglin.stand_ins, given | some(rng, {"level": [0, 1, 0.5], "names": [["a"], "ab"]})),
        (loglin.stability, {"x": x, "choices": [features, chosen]}),
        (loglin.transfer_labels, labels),
        (loglin.union_of_features, {"choices": [features, chosen]}),
        (loglin.union_of_patterns, {"patterns": several}),
    ]
    call, arguments = one_of(rng, calls)
    call(**spoiled(rng, arguments, ["num_folds"]))


def maps(rng):
    number = rng.integers(1, 8)
    points = rng.normal(size=(number, 3)) * rng.choice([1, 0, 1e-200, 1e150, 1e300])
    with np.errstate(over="ignore"):
        distances = np.abs(points[:, None] - points[None]).max(axis=2)
    options = some(rng, {"num_dims": [1, 2, 8], "method": ["classical", "kruskal"]})
    calls = [
        (loglin.embed, {"distances": in_a_form(rng, distances), **options}),
        (loglin.kruskal_stress, {"distances": distances, "points": in_a_form(rng, points)}),
    ]
    call, arguments = one_of(rng, calls)
    call(**spoiled(rng, arguments))


def codings(rng):
    n, p = rng.integers(1, 30), rng.integers(1, 5)
    values = rng.uniform(-1, 1, size=(n, p)) * rng.choice([1, 0, 1e-310, 1e300, 1.7e308])
    counts = rng.poisson(rng.choice([0.2, 5.0]), size=(n, p)) * rng.choice([1, 1, 10**15])
    rules = {"rule": ["all-positive", "positive-counts"]}
    levels = one_of(rng, [[2] * p, [127] * p, [10] * p, None, anything(rng)])
    given = in_a_form(rng, one_of(rng, [values, counts]))
    cuts = some(rng, {"quantile": [0, 1, 0.3], "threshold": [0, -1e300]})
    calls = [
        (loglin.dichotomize, {"values": given} | cuts),
        (loglin.categorize, {"values": given, "num_levels": one_of(rng, [2, 3, 127])}),
        (loglin.latent_codes, {"u": given}),
        (loglin.size_factors, {"counts": in_a_form(rng, counts)} | some(rng, rules)),
        (loglin.normalize, {"counts": in_a_form(rng, counts)} | some(rng, rules)),
        (loglin.contingency_table, {"codes": in_a_form(rng, codes(rng, n, p)), "levels": levels}),
    ]  # fmt: skip
    call, arguments = one_of(rng, calls)
    call(**spoiled(rng, arguments))


def whole_procedures(rng):
    x, u = samples(rng)
    draws = [lambda x, rng: (x, x[:, :1]), lambda x, rng: (x, None), lambda x, rng: x]
    testing = {"x": in_a_form(rng, x), "draw": one_of(rng, draws), "num_features": 2, "rng": rng}
    testing["num_permutations"] = 3
    testing["num_permutations"] = 3
    testing |= some(
        rng, {"num_permutations": [1, 5], "max_exceedances": [1, 2], "candidates": [[0, 1]]}
    )
    stream = one_of(
        rng, [[(0, x, u), (5, x, None)], [(0, x)], [(1, in_a_form(rng, x), u)], anything(rng)]
    )
    following = {"stream": stream, "num_features": 1} | some(
        rng, {"num_patterns": [1, 10**9], **SELECTION}
    )
    if rng.random() < 0.5:
        loglin.permutation_test(**spoiled(rng, testing, ["num_permutations"]))
    else:
        list(loglin.follow(**spoiled(rng, following, ["num_shuffles"])))


KINDS = {
    "tables": tables,
    "searches": searches,
    "many-tables": many_tables,
    "statements": statements_on_tables,
    "models": models_alone,
    "selections": selections,
    "patterns": patterns,
    "maps": maps,
    "codings": codings,
    "procedures": whole_procedures,
}
