"""What the docstring of a public function or class has to say; the reference is made of them."""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest
from numpydoc.validate import get_doc_object, validate

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
MODULES = (
    "loglin",
    "loglin.get",
    "loglin.plots",
    "models",
    "models.boltzmann",
    "models.likelihood",
    "experiments.explore",
)
MORE = (
    "loglin.scverse.from_scvi",
    "models.dbm.start_fine_tuning",
    "models.vae.log_importance_weights",
)
"""Public, though in no `__all__`."""

FAULTS = {
    *("GL01", "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10"),  # sections
    *("SS01", "SS02", "SS03", "SS04", "SS06"),  # a summary of one line
    *("PR01", "PR02", "PR03", "PR04", "PR07", "PR10"),  # parameters, with types and descriptions
    *("RT01", "RT03", "YD01"),  # returns or yields
    *("SA01", "SA03", "SA04"),  # See Also
    "EX01",  # an example, which the tests run
}
"""Codes of numpydoc. Left out is what is a matter of style, such as full stops."""
OF_FUNCTIONS_ONLY = {"PR01", "EX01"}
"""Fields of a class have docstrings of their own, and the function that makes it has an example."""


def public():
    """Names of all public functions and classes, each once."""
    names = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            thing = inspect.unwrap(getattr(module, name))
            if inspect.isfunction(thing) or inspect.isclass(thing):
                names.setdefault(thing, f"{module.__name__}.{name}")
    return [*names.values(), *MORE]


def find(name):
    module, _, attribute = name.rpartition(".")
    return inspect.unwrap(getattr(importlib.import_module(module), attribute))


PUBLIC = public()
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(find(name))]
CLASSES = [name for name in PUBLIC if inspect.isclass(find(name))]


@pytest.mark.parametrize("name", PUBLIC)
def test_no_part_is_missing(name):
    thing = find(name)
    codes = FAULTS if inspect.isfunction(thing) else FAULTS - OF_FUNCTIONS_ONLY
    found = validate(get_doc_object(thing))["errors"]
    assert [fault for fault in found if fault[0] in codes] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_have_shapes(name):
    doc = get_doc_object(find(name))
    for parameter in doc["Parameters"] + doc["Returns"] + doc["Yields"]:
        if re.search(r"\barrays?\b", parameter.type):
            assert re.search(r"\(.*\)|shape|scalar", parameter.type), parameter


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_named(name):
    source = inspect.getsource(find(name))
    if re.search(r"\braise |\b(as|check)_\w+\(", source):
        assert get_doc_object(find(name))["Raises"]


@pytest.mark.parametrize("name", CLASSES)
def test_fields_have_docstrings(name):
    body = ast.parse(textwrap.dedent(inspect.getsource(find(name)))).body[0].body
    for field, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and not field.target.id.startswith("_"):
            is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            assert is_text, field.target.id


@pytest.mark.parametrize("name", PUBLIC)
def test_see_also_names_what_is_in_the_reference(name):
    own_module = name.rpartition(".")[0]
    things = {find(known) for known in PUBLIC}
    for others, _ in get_doc_object(find(name))["See Also"]:
        for other, _ in others:
            path = other if other.split(".")[0] in ("loglin", "models") else f"{own_module}.{other}"
            assert find(path) in things, other
            assert find(path) is not find(name), other


def test_the_reference_has_every_public_name():
    listed = set()
    for page in REFERENCE.glob("*.md"):
        for block in re.findall(r"```{eval-rst}\n(.*?)```", page.read_text(), re.DOTALL):
            module = re.search(r"currentmodule:: (\S+)", block)[1]
            listed |= {
                find(f"{module}.{name}")
                for name in re.findall(r"^   ([\w.]+)$", block, re.MULTILINE)
                if name != "COVERING"
            }
    assert {name for name in PUBLIC if find(name) not in listed} == set()
