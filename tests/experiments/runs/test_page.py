from matplotlib.figure import Figure

from experiments.runs.page import Section, Statement, Table, write_section


def section(title):
    return Section(
        title,
        "x < y & z",
        [Statement("<b>they</b> say", "we find", "not reproduced")],
        {"a": (Figure(), "caption <i>"), "b": (Figure(), "caption <i>")},
        [Table("numbers", ["<th>", 2], [[1, "<script>"]])],
    )


def write(out, name, title):
    return write_section(name, section(title), {"seeds": "0 to <3>"}, out, ["first", "second"])


def test_words_are_escaped(tmp_path):
    html = write(tmp_path, "first", "Genes <A> & B").read_text()
    for text in ("Genes &lt;A&gt; &amp; B", "x &lt; y &amp; z", "&lt;b&gt;they", "&lt;script&gt;"):
        assert text in html
    assert "0 to &lt;3&gt;" in html
    assert "<script>" not in html
    assert 'class="not-reproduced"' in html
    assert html.count("data:image/png;base64") == 2  # also where captions are the same


def test_sections_stand_in_the_order_of_the_studies(tmp_path):
    write(tmp_path, "second", "Two")
    html = write(tmp_path, "first", "One").read_text()
    assert html.index('id="first"') < html.index('id="second"')
    html = write(tmp_path, "first", "One again").read_text()
    assert "One again" in html
    assert html.count('id="first"') == 1


def test_nothing_but_the_files_is_left(tmp_path):
    write(tmp_path, "first", "One")
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["a.png", "b.png", "index.html", "section.html"]
