"""Run code where nothing is imported or compiled yet."""

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
