from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import bracket, fit
from loglin.hierarchical.formulas import as_names, default_names, parse
from loglin.hierarchical.generators import as_generators, interactions
from tests.depth import usual_or_deep

NAMES = ("U", "A", "B")


@pytest.mark.parametrize(
    ("text", "generators"),
    [
        ("[U A][B]", ((0, 1), (2,))),
        (" [B] [A U] ", ((0, 1), (2,))),
        ("[U, A][B]", ((0, 1), (2,))),
        ("[U:A][B]", ((0, 1), (2,))),
        ("[UA][UB]", ((0, 1), (0, 2))),
        ("[]", ()),
        ("U*A + B", ((0, 1), (2,))),
        ("~ U*A + B", ((0, 1), (2,))),
        ("U + A + U:A + B", ((0, 1), (2,))),
        ("(U + A + B)^2", ((0, 1), (0, 2), (1, 2))),
        (".^2", ((0, 1), (0, 2), (1, 2))),
        ("(U + A)*B", ((0, 2), (1, 2))),
        ("U*A*B", ((0, 1, 2),)),
        ("U*A + U*A + U", ((0, 1),)),
        (".", ((0,), (1,), (2,))),
        ("1", ()),
        ("1 + U", ((0,),)),
        ("(U + A + B)^9", ((0, 1, 2),)),
        ("U:U", ((0,),)),
    ],
)
def test_models_as_text(text, generators):
    assert as_generators(text, 3, NAMES) == generators


@settings(max_examples=usual_or_deep(40, 100))
@given(st.sets(st.sets(st.integers(0, 4), min_size=1).map(frozenset)))
def test_brackets_and_formulas_are_read_back(sets):
    names = ("Hair", "Eye", "Sex", "x.1", "_y")
    generators = as_generators(sets, 5)
    assert as_generators(bracket(generators, names), 5, names) == generators
    products = " + ".join("*".join(names[axis] for axis in axes) for axes in generators) or "1"
    assert as_generators(products, 5, names) == generators
    written_out = " + ".join(
        ":".join(names[axis] for axis in axes) or "1" for axes in interactions(generators)
    )
    assert as_generators(written_out, 5, names) == generators


def test_a_power_has_all_interactions_up_to_it():
    names = default_names(5)
    for order in range(1, 6):
        text = f"({' + '.join(names)})^{order}"
        expected = tuple(combinations(range(5), order))
        assert as_generators(text, 5, names) == expected


def test_names_go_with_the_fit():
    labels = {"Sex": ["m", "f"], "Yes.no": ["y", "n"]}
    fitted = fit([[1, 2], [3, 4]], [("Yes.no",), ("Sex",)], names=labels)
    assert fitted.model == "[Sex][Yes.no]"
    assert fitted.labels == (("m", "f"), ("y", "n"))
    assert fit([[1, 2], [3, 4]], "[A B]").names == ("A", "B")
    assert default_names(28)[24:] == ("Y", "Z", "A1", "B1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("U:A", r"hierarchical model: A:U|hierarchical model: U:A"),
        ("U*A + A:B", r"A:B without B is not \(write A\*B\)"),
        ("U*A*B + 1 + Z", "names of axes, U, A, B, got 'Z'"),
        ("[U Z]", "names of axes, U, A, B, got 'Z'"),
        ("[U A", r"must be brackets like \[A B\]\[C\]"),
        ("[U](A)", "must be brackets like"),
        ("[[U]]", "must be brackets like"),
        ("U +", "expected the name of an axis, got the end"),
        ("", "expected the name of an axis, got the end"),
        ("(U + A", "expected a closing parenthesis, got the end"),
        ("U A", r"expected \+, \*, : or \^, got 'A'"),
        ("U^0", "expected a power of at least 1, got '0'"),
        ("U^", "expected a power of at least 1, got the end"),
        ("U^\u00b2", "expected a power of at least 1"),
        ("(" * 5000 + "U" + ")" * 5000, "at most 100 parentheses"),
        ("U - A", "got '-'"),
        ("2", "expected the name of an axis, got '2'"),
    ],
)
def test_what_is_no_model_gets_one_sentence(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text, NAMES)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("AB", "`names` must be a sequence of names or a mapping.*got 'AB'"),
        (3, "`names` must be a sequence of names or a mapping.*got 3"),
        ({"A", "B"}, "`names` must be a sequence of names or a mapping"),
        ({"A": {"x", "y"}, "B": "xy"}, "`names` must have labels for A"),
        (["A"], "`names` must be 2, one per axis, got 1"),
        (["A", "A"], "`names` must differ from each other"),
        (["A", "B C"], "`names` must begin with a letter .*got 'B C'"),
        (["A", 1], "`names` must begin with a letter .*got 1"),
        ({"A": "xy", "B": "x"}, "a label for each level: B has 2 levels and 1 labels"),
        ({"A": "xy", "B": 7}, "`names` must have labels for B, got 7"),
    ],
)
def test_bad_names_get_one_sentence(names, message):
    with pytest.raises(ValueError, match=message):
        as_names(names, (2, 2))


@pytest.mark.parametrize(
    ("generators", "message"),
    [
        (["A", "Z"], "names of axes, A, B, got 'Z'"),
        ([("A", 2)], "`generators` must be from 0 to 1, got 2"),
        ([([0], 1)], "`generators` must be an iterable of iterables of axes"),
        ([(True,)], "`generators` must be an integer, got True"),
    ],
)
def test_generators_by_name_are_checked(generators, message):
    with pytest.raises(ValueError, match=message):
        fit([[1, 2], [3, 4]], generators)


@pytest.mark.parametrize(
    "generators", [None, 5, [5], "AB", [(1.5,)], [("A",)], [(-1,)], [(10**20,)]]
)
def test_a_bracket_needs_axes(generators):
    with pytest.raises(ValueError, match="`generators` must be"):
        bracket(generators)


def test_a_bracket_needs_names():
    with pytest.raises(ValueError, match="`names` must name axis 2, got 2 names"):
        bracket([(0, 2)], NAMES[:2])


def test_brackets_take_names_from_a_sequence_only():
    assert bracket([(0, 1)], ("x", "y")) == "[x y]"
    with pytest.raises(ValueError, match="`names` must be a sequence of names, got 0.5"):
        bracket([(0, 1)], 0.5)
