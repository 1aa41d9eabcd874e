import re
from html.parser import HTMLParser

import numpy as np
import pytest

from experiments.explore.page.figures import pictures
from experiments.explore.page.rendering import render
from tests.experiments.explore.page import made
from tests.experiments.explore.page.test_figures import odd_about

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Tree(HTMLParser):
    """Reads a page: checks that it is balanced, and collects what is in it."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text, self.headings = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.text.append(data)
        if self.open and re.fullmatch("h[1-6]", self.open[-1]) and data.strip():
            self.headings.append((int(self.open[-1][1]), data))

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]

    def named(self, *tags):
        return [attrs for tag, attrs in self.tags if tag in tags]


@pytest.fixture(scope="module")
def found():
    return made.findings()


@pytest.fixture(scope="module")
def both(found):
    other = found._replace(model="DBM", by_label=None, courses=[], p_values=np.full(6, 0.03))
    return Tree(render(made.about(), [found, other]))


@pytest.fixture(scope="module")
def html(found):
    return render(made.about(), [found])


@pytest.fixture(scope="module")
def usual(html):
    return Tree(html)


def test_ids_are_unique_and_all_links_lead_somewhere(usual, both):
    for page in (usual, both):
        ids = page.attributes("id")
        assert len(ids) > 20
        assert len(set(ids)) == len(ids)
        targets = [link.removeprefix("#") for link in page.attributes("href")]
        targets += page.attributes("aria-labelledby")
        targets += re.findall(r"url\(#([^)]+)\)", " ".join(v or "" for _, a in page.tags
                                                           for v in a.values()))  # fmt: skip
        assert targets
        assert set(targets) <= set(ids)


def test_the_page_loads_and_runs_nothing(usual, html):
    assert "http" not in html.replace("http-equiv", "")
    assert not re.search(r"url\((?!#)|@import|@font-face|\ssrc=|javascript:|\son\w+=", html)
    assert not {tag for tag, _ in usual.tags} & {"script", "link", "iframe", "object", "image"}
    (policy,) = [a["content"] for a in usual.named("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'")


def test_every_picture_says_what_is_to_be_seen(usual, found):
    shown = usual.named("svg", "img")
    assert {picture["role"] for picture in shown} == {"img"}
    alts = [alt for _, alt in pictures(made.about(), found).values()]
    assert sorted(picture["aria-label"] for picture in shown) == sorted(alts)


def test_tables_have_scopes_and_scroll_by_themselves(usual):
    heads = usual.named("th")
    assert {head["scope"] for head in heads} == {"col", "row"}
    tables = len(usual.named("table"))
    assert tables == 10
    regions = [attrs for attrs in usual.named("div") if attrs.get("role") == "region"]
    assert len(regions) == tables
    assert all(region["tabindex"] == "0" for region in regions)


def test_headings_are_in_order_and_answer_in_order(usual, both):
    for page in (usual, both):
        levels = [level for level, _ in page.headings]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert max(np.diff(levels)) <= 1
    assert [title for level, title in usual.headings if level == 2] == [
        "Which genes, and is each more than chance?",
        "How many are enough?",
        "Which patterns do they form?",
        "How do the patterns relate?",
        "Where are they among the labels?",
        "What had the model learned, and why was it taken then?",
        "What could have been chosen instead?",
        "How sure is this?",
        "Where do the numbers come from?",
    ]


def test_several_models_have_a_part_each(both):
    assert [title for level, title in both.headings if level == 2] == [
        "VAE", "DBM", "Where do the numbers come from?",
    ]  # fmt: skip
    assert {"#m1-model", "#m2-model", "#m2-sure", "#origin"} <= set(both.attributes("href"))
    text = " ".join(both.text)
    assert "p, retrained" in text
    assert "trained elsewhere" in text
    # The second has no labels, and no question about them.
    assert {"#m1-labels"} == {href for href in both.attributes("href") if "labels" in href}


def test_names_of_strangers_are_text(found):
    about = odd_about(found, title="</title><script>alert(2)</script>")
    provenance, left_out = (
        {"<b>seed</b>": "<i>0</i> " + "long " * 50},
        {"<u>rare</u>": ["<script>"] * 30},
    )
    labels = found.by_label.labels.copy().astype(object)
    labels[0] = '"><svg onload=alert(3)>'
    by_label = found.by_label._replace(labels=labels.astype(str), name="<em>type</em>")
    about = about._replace(provenance=provenance, left_out=left_out, coding="<s>cut</s>")
    odd = found._replace(by_label=by_label)
    html = render(about, [odd, made.nothing_found()._replace(model="<marquee>")])
    page = Tree(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "b", "i", "u", "img", "em", "s", "marquee"}
    assert not any(re.match("on", name) for _, attrs in page.tags for name in attrs)
    text = "".join(page.text)
    for name in ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', r"$\frac", "=1+1",
                 "<b>seed</b>", "<em>type</em>", "</title><script>alert(2)</script>"):  # fmt: skip
        assert name in text
    assert "a" * 61 not in text
    assert "long " * 50 in text  # what is no name is not cut
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", html)
    assert len(set(page.attributes("id"))) == len(page.attributes("id"))


def test_figures_take_the_colours_of_the_page(usual):
    styles = " ".join(a.get("style", "") for _, a in usual.tags)
    for name in ("--ink", "--line", "--blue", "--orange", "--grey", "--red"):
        assert f"var({name})" in styles
    assert not re.search("#0072b2|#1a1a1a|#000000|#bfbfbf", styles, re.IGNORECASE)


def test_nothing_found_is_a_short_page():
    page = Tree(render(made.about(), [made.nothing_found()]))
    titles = [title for level, title in page.headings if level == 2]
    assert len(titles) == 4
    assert "No gene is more than chance" in " ".join(page.text)
    assert "nan" not in " ".join(page.text).lower().split()
    with pytest.raises(ValueError, match="`findings` must be at least one, got none"):
        render(made.about(), [])


def test_one_start_of_a_model_trained_elsewhere(found):
    alone = made.findings(starts=1)._replace(by_label=None, courses=[], model="X_scVI")
    text = " ".join(Tree(render(made.about(noun="feature", coding=""), [alone])).text)
    assert "Which features, and is each more than chance?" in text
    assert not re.search(r"\bgenes?\b", text)
    assert "There is one trained model" in text


def test_numbers_in_the_tables_are_those_of_the_findings(found, usual):
    text = " ".join(usual.text)
    for gain in found.selection.gains:
        assert f" {gain:,.1f} " in re.sub(r"\s+", " ", text)
    for synthetic, real in zip(found.patterns.counts, found.real_counts, strict=True):
        assert re.search(rf"\s{synthetic}\s+[\d.]+\u00a0%\s+{real}\s", text)
