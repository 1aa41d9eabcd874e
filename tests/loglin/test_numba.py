import numpy as np
import pytest

from tests.loglin.fresh_interpreter import run

# Of all the places that numba tries for its cache this leaves one that does not exist here.
NOWHERE = {"NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}


def test_no_kernel_needs_a_folder_that_can_be_written():
    answer = run(
        "import json\n"
        "from loglin.hierarchical import _ipf_kernels, _ipf_plan\n"
        "from loglin.selection import _kernels\n"
        "names = vars(_ipf_kernels) | vars(_ipf_plan) | vars(_kernels)\n"
        "kernels = [f for f in names.values() if hasattr(f, 'py_func')]\n"
        "assert len(kernels) > 20\n"
        "assert {type(k._cache).__name__ for k in kernels} == {'NullCache'}\n"
        "print(json.dumps(_kernels._x_log_x(4.0)))",
        **NOWHERE,
    )
    assert answer == pytest.approx(4 * np.log(4))


@pytest.mark.deep  # all kernels of a selection are compiled for it
def test_features_are_selected_where_no_folder_can_be_written():
    features = run(
        "import json\n"
        "import numpy as np\n"
        "from loglin import select_features\n"
        "from loglin.selection import _kernels\n"
        "assert type(_kernels.refine._cache).__name__ == 'NullCache'\n"
        "u = np.array([[0], [1]] * 20)\n"
        "x = np.column_stack([np.arange(40) < 20, u])\n"
        "print(json.dumps(select_features(x, u, 1).features.tolist()))",
        **NOWHERE,
    )
    assert features == [1]
