from tests.loglin.fresh_interpreter import run


def test_importing_loglin_brings_little_and_compiles_nothing():
    compiled, slow_modules = run(
        "import json, sys, loglin\n"
        "from loglin.hierarchical import _ipf_kernels, _ipf_plan\n"
        "from loglin.selection import _kernels\n"
        "names = vars(_ipf_kernels) | vars(_ipf_plan) | vars(_kernels)\n"
        "kernels = [f for f in names.values() if hasattr(f, 'py_func')]\n"
        "compiled = sum(len(kernel.signatures) for kernel in kernels)\n"
        "slow = {'jax', 'matplotlib', 'sklearn', 'scipy.stats'} & set(sys.modules)\n"
        "print(json.dumps([compiled, sorted(slow)]))"
    )
    assert compiled == 0
    assert slow_modules == []
