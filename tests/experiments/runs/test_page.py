import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm

from experiments.runs.page import Section, Statement, Table, share_of, write_section

FAILS = Statement(
    "<b>they</b> say", "we find", "not reproduced", [True, False, False], "Because of <i>.", "a"
)
HOLDS = Statement("they are right", "indeed", "reproduced", [True, True, True])


def section(title, statements=(FAILS,)):
    return Section(
        title,
        "x < y & z",
        statements,
        {"a": (Figure(), "caption <i>"), "b": (Figure(), "caption <i>")},
        [Table("numbers", ["<th>", 2], [[1, "<script>"]])],
    )


def write(out, name, title, statements=(FAILS,), **run):
    provenance = {"seeds": "0 to <3>"}
    order = ["first", "second"]
    run = {"size": "paper", "num_seeds": 3} | run
    return write_section(name, section(title, statements), provenance, out, order, **run)


def test_words_are_escaped(tmp_path):
    html = write(tmp_path, "first", "Genes <A> & B").read_text()
    for text in ("Genes &lt;A&gt; &amp; B", "x &lt; y &amp; z", "&lt;b&gt;they", "&lt;script&gt;"):
        assert text in html
    assert "0 to &lt;3&gt;" in html
    assert "Because of &lt;i&gt;." in html
    assert "<script>" not in html
    assert 'class="not-reproduced"' in html
    # Two figures, also where captions are the same, and the one that shows what does not hold.
    assert html.count("data:image/png;base64") == 3


def test_sections_stand_in_the_order_of_the_studies(tmp_path):
    write(tmp_path, "second", "Two")
    html = write(tmp_path, "first", "One").read_text()
    assert html.index('<section id="first"') < html.index('<section id="second"')
    html = write(tmp_path, "first", "One again").read_text()
    assert "One again" in html
    assert html.count('<section id="first"') == 1


def test_nothing_but_the_files_is_left(tmp_path):
    write(tmp_path, "first", "One")
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["a.png", "b.png", "index.html", "section.html", "section.json"]


@pytest.mark.parametrize(("count", "number"), [(0, 20), (13, 20), (20, 20), (1, 1)])
def test_the_interval_holds_the_shares_that_a_score_test_does_not_reject(count, number):
    # Wilson (1927): all p with |count / number - p| at most z sqrt(p (1 - p) / number).
    share = share_of([True] * count + [False] * (number - count))
    assert share[:2] == (count, number)
    p = np.linspace(0, 1, 200_001)
    kept = p[np.abs(count / number - p) <= norm.ppf(0.975) * np.sqrt(p * (1 - p) / number) + 1e-12]
    assert share[2:] == pytest.approx((kept[0], kept[-1]), abs=6e-4)
    assert share_of([]) is None


def test_each_seed_is_a_dot(tmp_path):
    html = write(tmp_path, "first", "One").read_text()
    assert "1 of 3 (6 to\n79 %)" in html
    assert '●<span class="miss">○</span><span class="miss">○</span>' in html


def test_the_page_begins_with_an_overview(tmp_path):
    write(tmp_path, "second", "Two", num_seeds=20)
    html = write(tmp_path, "first", "One", (FAILS, HOLDS, HOLDS), num_seeds=7).read_text()
    overview = html[html.index('id="overview"') : html.index('<section id="first"')]
    one = overview[overview.index('href="#first"') :]
    cells = [part.split("</td>")[0].split(">")[-1] for part in one.split("<td")[1:7]]
    assert cells == ["2", "0", "1", "0", "7", "the paper&#39;s settings"]
    assert overview.index("One") < overview.index("Two")


def test_what_does_not_hold_has_its_reason_and_figure(tmp_path):
    html = write(tmp_path, "first", "One", (FAILS, HOLDS)).read_text()
    fails = html[html.index('id="open"') : html.index('<section id="first"')]
    assert "&lt;b&gt;they" in fails
    assert "Because of &lt;i&gt;." in fails
    assert "data:image/png;base64" in fails
    assert "they are right" not in fails
    # A figure that shows two statements is there once, one whose file is gone not at all.
    html = write(tmp_path, "first", "One", (FAILS, FAILS)).read_text()
    assert html.count("The figure is the same as above.") == 1
    assert html.count("data:image/png;base64") == 3
    (tmp_path / "first" / "a.png").unlink()
    html = write(tmp_path, "second", "Two", (HOLDS,)).read_text()
    assert html.count("data:image/png;base64") == 4  # two in each section
    assert 'id="open"' not in write(tmp_path, "first", "One", (HOLDS,)).read_text()


@pytest.mark.parametrize("size", ["reduced", "other"])
def test_a_reduced_run_is_no_verdict_on_the_paper(tmp_path, size):
    html = write(tmp_path, "first", "One", size=size).read_text()
    assert 'id="open"' not in html
    assert html.count("no verdict on the paper") == 1
    assert "no verdict on the paper" not in write(tmp_path, "first", "One").read_text()


@pytest.mark.parametrize("content", [None, "{", '{"title": "One"}', "[]"])
def test_sections_of_another_version_say_so(tmp_path, content):
    write(tmp_path, "first", "One")
    summary = tmp_path / "first" / "section.json"
    if content is None:
        summary.unlink()
    else:
        summary.write_text(content)
    html = write(tmp_path, "second", "Two").read_text()
    assert html.count("written by another version: run this study again") == 1
    assert '<section id="first"' in html
