from experiments.runs.progress import bar_within, progress_bars, without_bar


def test_items_pass_through_with_and_without_a_bar(capsys):
    assert list(without_bar("abc", 3)) == ["a", "b", "c"]
    with progress_bars() as progress:
        assert list(bar_within(progress, "seed 0")("abc", 3)) == ["a", "b", "c"]
        assert progress.tasks == []  # the bar is gone when it is done
    assert capsys.readouterr().out == ""  # bars go to standard error
