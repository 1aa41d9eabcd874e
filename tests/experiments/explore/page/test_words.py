import numpy as np
import pytest

from experiments.explore.page import words
from experiments.explore.page.words import NBSP
from tests.experiments.explore.page.made import ODD_NAMES


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.904, "90 %"), (1.0, "100 %"), (0.9996, "100 %"), (0.0995, "10 %"), (0.0994, "9.9 %"),
        (0.001, "0.1 %"), (0.0009, "< 0.1 %"), (0.0, "0 %"), (-0.0231, "−2.3 %"), (np.nan, "–"),
    ],
)  # fmt: skip
def test_shares_are_rounded_to_what_can_be_read(share, text):
    assert words.percent(share).replace(NBSP, " ") == text


def test_numbers_agree_with_their_nouns():
    said = [words.counted(number, "gene").replace(NBSP, " ") for number in (0, 1, 2, 12, 13, 1200)]
    assert said == ["no genes", "one gene", "two genes", "twelve genes", "13 genes", "1,200 genes"]


def test_minus_zero_has_no_sign():
    assert words.signed(-0.001) == "0.00"
    assert words.signed(-1234.5, 1) == "−1,234.5"
    assert words.signed(np.inf) == "–"


def test_names_become_printable_and_short():
    for name in ODD_NAMES:
        shown = words.plain(name)
        assert shown.isprintable()
        assert 0 < len(shown) <= 60
    assert words.plain("CD79A") == "CD79A"
    assert words.plain(" ") == "(no name)"
    assert (
        words.listing(ODD_NAMES[:2])
        == '<script>alert(1)</script> and "><img src=x onerror=alert(1)>'
    )


def test_a_long_listing_ends_in_a_number():
    names = [f"g{number}" for number in range(14)]
    assert words.listing(names).endswith("g11 and two others")
    assert words.listing(names[:13]).endswith("g11 and g12")  # no "one others"
    assert words.listing([]) == ""
