from loglin.text import as_columns


def test_words_stand_to_the_left_and_numbers_to_the_right():
    lines = as_columns([("name", "is", "1.50"), ("a", "not", "22.25")])
    assert lines == ["name  is    1.50", "a     not  22.25"]
