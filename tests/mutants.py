"""Mutation testing: change one operator, comparison or number at a time; do the tests notice?

``make mutants`` tries a fixed sample, ``make mutants FULL=1`` every mutant (days). Each is tried in
a copy of the project, by the tests of its room: first those of its own file, then the others, until
one fails. Other tools will not do: mutmut puts all mutants of a function into it and chooses among
them when it runs, which numba cannot compile; cosmic-ray knows neither samples, nor rooms, nor
compiled code that is kept. That code is kept in a folder of the copy's own, and what is compiled
from a changed file is left out of it.

What survived, and what no test can notice, is in `mutants.md`.
"""

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LONGEST = 900
"""Seconds after which a mutant counts as noticed: it does not end."""
OPERATORS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.And: ast.Or,
    ast.Or: ast.And, ast.USub: ast.UAdd,
}  # fmt: skip


class Mutant(NamedTuple):
    """A change of one file."""

    file: str
    number: int
    """Of the change, in the order of the file's syntax tree."""
    source: str
    """The changed file."""
    line: int
    change: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} #{self.number}  {self.change}"


def mutants_of(file: str) -> list[Mutant]:
    """Return all mutants of a file, in the order of its syntax tree."""
    source = (ROOT / file).read_text()
    found = []
    for number, path in enumerate(_places(ast.parse(source))):
        tree = ast.parse(source)
        line, change = _mutate(tree, path)
        found.append(Mutant(file, number, ast.unparse(tree), line, change))
    return found


def _places(node: ast.AST, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield where something can be changed, as paths of child numbers from the root."""
    is_changed = isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign | ast.Compare)
    if is_changed and _operator(node) in OPERATORS:
        yield path
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield path
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield path
    for number, (name, child) in enumerate(_children(node)):
        is_type = name in ("annotation", "returns")
        if not (is_type or isinstance(child, ast.JoinedStr)):
            yield from _places(child, (*path, number))


def _children(node: ast.AST) -> list[tuple[str, ast.AST]]:
    pairs = []
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                pairs.append((name, child))
    return pairs


def _operator(node: ast.AST) -> type:
    operator = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    return type(operator)


def _mutate(tree: ast.AST, path: tuple[int, ...]) -> tuple[int, str]:
    """Change the node at a path in place; return its line and what changed."""
    parent, node = tree, tree
    for number in path:
        parent, node = node, _children(node)[number][1]
    before = ast.unparse(node)
    if isinstance(node, ast.Compare):
        node.ops[0] = OPERATORS[type(node.ops[0])]()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _replace(parent, node, node.operand)
        return node.lineno, f"{before}  ->  {ast.unparse(node.operand)}"
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            node.value = not node.value
        else:
            node.value = node.value + 1 if isinstance(node.value, int) else 2 * node.value + 1e-3
    else:
        node.op = OPERATORS[type(node.op)]()
    return node.lineno, f"{before}  ->  {ast.unparse(node)}"


def _replace(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, name, new)
        elif isinstance(value, list):
            value[:] = [new if item is old else item for item in value]


def tracked(*patterns: str) -> list[str]:
    """Return the names of the tracked files, of all or of those that match a pattern."""
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def files(package: str) -> list[str]:
    """Return the files of a package or folder that are tracked."""
    return [file for file in tracked(f"{package}/*.py") if not file.endswith("__init__.py")]


def tests_of(file: str) -> list[str]:
    """Return the tests of the room of a file, those of the file itself first."""
    room = Path("tests", *Path(file).parts[:-1])
    own = room / f"test_{Path(file).stem.lstrip('_')}.py"
    first = [str(own)] if (ROOT / own).exists() else []
    others = sorted(str(path.relative_to(ROOT)) for path in (ROOT / room).glob("test_*.py"))
    return [*first, file, *(test for test in others if test not in first)]


def copy_of_project(folder: Path) -> Path:
    """Copy the tracked files; return the root of the copy."""
    tree = folder / "tree"
    for name in tracked():
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


def run_tests(tree: Path, tests: list[str], cache: Path) -> tuple[bool, str]:
    """Return whether all pass, and the last line or why not."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command = [sys.executable, *options, *tests]
    try:
        answer = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return False, f"no end after {LONGEST} s"
    lines = [line for line in answer.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return answer.returncode == 0, (lines or answer.stdout.splitlines()[-1:] or [""])[0][:150]


def compiled_from(tree: Path, file: str) -> set[str]:
    """Return the modules that compile what a file defines: itself, and those that import it."""
    changed, before = {Path(file).stem}, set()
    while changed != before:
        before = set(changed)
        for path in tree.glob("loglin/**/*.py"):
            text = path.read_text()
            imports = " ".join(re.findall(r"^(?:from|import) [^(]*?(?:\([^)]*\))?$", text, re.M))
            if "_numba" in text and any(re.search(rf"\b{name}\b", imports) for name in before):
                changed.add(path.stem)
    return changed


def is_noticed(mutant: Mutant, tree: Path, cache: Path) -> tuple[bool, str]:
    """Run the tests of a mutant in the copy; return whether one fails, and which."""
    path = tree / mutant.file
    original, stat = path.read_text(), path.stat()
    with tempfile.TemporaryDirectory(dir=tree.parent) as own:
        kept = Path(own) / "cache"
        if cache.exists():
            shutil.copytree(cache, kept)
            for module in compiled_from(tree, mutant.file):
                for entry in kept.glob(f"*/{module}.*"):
                    entry.unlink()
        try:
            path.write_text(mutant.source)
            passed, line = run_tests(tree, tests_of(mutant.file), kept)
        finally:
            path.write_text(original)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return not passed, line


def main() -> None:
    """Try the mutants that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("packages", nargs="*", default=["loglin"], help="folders or files")
    parser.add_argument("--per-file", type=int, default=2, help="mutants of each file")
    parser.add_argument("--full", action="store_true", help="all mutants")
    parser.add_argument("--number", type=int, help="only this mutant of the file")
    parser.add_argument("--list", action="store_true", help="name the mutants, run nothing")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = [f for p in given.packages for f in ([p] if p.endswith(".py") else files(p))]
    chosen = []
    for name in names:
        found = mutants_of(name)
        rng = random.Random(zlib.crc32(name.encode()) + given.seed)
        if given.number is not None:
            found = [found[given.number]]
        elif not given.full:
            found = sorted(
                rng.sample(found, min(given.per_file, len(found))), key=lambda m: m.number
            )
        chosen += found
    print(f"{len(chosen)} mutants of {len(names)} files", flush=True)
    if given.list:
        print("\n".join(map(str, chosen)))
        return
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree, cache = copy_of_project(Path(folder)), Path(folder) / "cache"
        score: dict[str, list[int]] = {}
        checked: set[tuple[str, ...]] = set()
        for mutant in chosen:
            tests = tests_of(mutant.file)
            if tuple(sorted(tests)) not in checked:  # they must pass, and compile, without a change
                passed, line = run_tests(tree, tests, cache)
                if not passed:
                    sys.exit(f"the tests of {mutant.file} fail without a mutant: {line}")
                checked.add(tuple(sorted(tests)))
            began = time.monotonic()
            noticed, line = is_noticed(mutant, tree, cache)
            counts = score.setdefault(mutant.file, [0, 0])
            counts[0] += noticed
            counts[1] += 1
            verdict = "noticed " if noticed else "SURVIVED"
            print(f"{verdict} {mutant}  [{time.monotonic() - began:.0f} s: {line}]", flush=True)
        for name, (noticed, number) in score.items():
            print(f"{noticed:4} of {number:4}  {noticed / number:5.0%}  {name}")
        noticed, number = (sum(column) for column in zip(*score.values(), strict=True))
        print(f"{noticed:4} of {number:4}  {noticed / number:5.0%}  in all")


if __name__ == "__main__":
    main()
