import json
import os
import subprocess
import sys


def run(code, **environment):
    """Run code in a fresh interpreter and return what it prints as JSON."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return json.loads(answer.stdout)


def test_importing_loglin_brings_little_and_compiles_nothing():
    compiled, slow_modules = run(
        "import json, sys, loglin\n"
        "from loglin import _ipf, _ipf_plan, _kernels\n"
        "names = vars(_ipf) | vars(_ipf_plan) | vars(_kernels)\n"
        "kernels = [f for f in names.values() if hasattr(f, 'py_func')]\n"
        "compiled = sum(len(kernel.signatures) for kernel in kernels)\n"
        "slow = {'jax', 'matplotlib', 'sklearn', 'scipy.stats'} & set(sys.modules)\n"
        "print(json.dumps([compiled, sorted(slow)]))"
    )
    assert compiled == 0
    assert slow_modules == []


def test_kernels_work_where_no_folder_can_be_written():
    features = run(
        "import json\n"
        "import numpy as np\n"
        "from loglin import _kernels, select_features\n"
        "assert type(_kernels.refine._cache).__name__ == 'NullCache'\n"
        "u = np.array([[0], [1]] * 20)\n"
        "x = np.column_stack([np.arange(40) < 20, u])\n"
        "print(json.dumps(select_features(x, u, 1).features.tolist()))",
        # Of all the places that numba tries this leaves one that does not exist here.
        NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator",
    )
    assert features == [1]
