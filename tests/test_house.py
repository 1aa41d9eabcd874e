import json
import subprocess
import sys


def test_importing_loglin_brings_no_jax_and_compiles_nothing():
    code = (
        "import json, sys, loglin\n"
        "from loglin import _kernels\n"
        "kernels = [f for f in vars(_kernels).values() if hasattr(f, 'py_func')]\n"
        "compiled = sum(len(kernel.signatures) for kernel in kernels)\n"
        "print(json.dumps([compiled, [m for m in ('jax', 'matplotlib') if m in sys.modules]]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == [0, []]
