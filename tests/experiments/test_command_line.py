import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.command_line import size_of
from experiments.runs.options import Options
from experiments.studies import training_progress
from experiments.studies.catalogue import STUDIES
from tests.experiments.tiny import CORTEX, RUNTIME, STAIRS

ROOT = Path(__file__).parents[2]


def test_help_lists_studies_and_settings(capsys):
    for arguments, words in [
        (["--help"], STUDIES),
        (["training-progress", "--help"], ["--batch-size", "(default: 7)", "--seeds"]),
        (["cortex-selection", "--help"], ["--panel", "(default: 12)", "--out"]),
    ]:
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
        out = capsys.readouterr().out
        for word in words:
            assert word in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("training-progress --num-selected 51", "`num_selected` must be at most.*50, got 51"),
        ("training-progress --batch-size 2000", "`batch_size` must be at most.*1000, got 2000"),
        ("training-progress --num-epochs 0", "`num_epochs` must be at least 1, got 0"),
        ("training-progress --seed -1 --seeds 1", "`seed` must be from 0 to 4294967295, got -1"),
        ("training-progress --num-latents 0", "`num_latents` must be an integer of at least 1"),
        ("cortex-selection --share-for-training 0", "`share_for_training` must leave cells"),
        ("cortex-selection --share-for-training 1", "`share_for_training` must leave cells"),
        ("cortex-selection --models vae vae", "`models` must be different, at least one"),
        ("pattern-map --epochs 5", "`epochs` must be at least two, got \\(5,\\)"),
        ("training-progress --workers 2 --scheduler tcp://x:1", "`workers` and `scheduler` cannot"),
        ("training-progress --workers -1", "`workers` must be from 0 to 1000, got -1"),
        ("cortex-selection --batch-size 965", "`batch_size` must be at most.*964, got 965"),
        ("nmf --panel receptors", "`panel` and `models` cannot be chosen"),
        ("nmf --num-receptors 81", "`num_receptors` must be from 1 to 80, got 81"),
        ("cut-points --cuts 0.5", "`cuts` must be different, at least two"),
        ("cut-points --cuts 0.3 0.4", "`cuts` must hold `cut`, 0.5, got"),
        ("cut-points --models vae", "`panel` and `models` cannot be chosen"),
        ("categories --num-categories 3 4", "`num_categories` must be different, 2 the first"),
        ("likelihood --models vae vae", "`models` must be different"),
        ("baselines --num-cells", "`num_cells` must hold at least one number"),
        ("baselines --num-selected 51", "`num_selected` must be from 2 to 50, got 51"),
        ("significance --max-exceedances 0", "`max_exceedances` must be at least 1, got 0"),
        ("significance --null.num-selected 11", "`num_selected` must be from 2 to 10, got 11"),
        ("training-progress --seed 4294967295", "`seed` must leave room for 20 seeds up to"),
        ("paper --seed 4294967260", "`seed` must leave room for 100 seeds up to 4294967295, got"),
        ("training-progress-dbm --encoder-hidden 5", "`encoder_hidden` is for the VAE"),
    ],
)
def test_bad_settings_get_one_sentence(arguments, message):
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        main(arguments.split())


def test_missing_data_are_told_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOGLIN_DATA_DIR", str(tmp_path))
    (tmp_path / "single_cell_mat.txt").write_text("1\t2\n")
    with pytest.raises(SystemExit, match="error: 1 units failed"):
        main(["cortex-selection", *CORTEX.split(), "--models", "vae", "--out", str(tmp_path)])
    assert re.search("1 units failed: .*is not the published file", " ".join(capsys.readouterr()))


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")

    def not_reached(*_, **__):
        raise AssertionError

    monkeypatch.setattr(training_progress, "compute", not_reached)
    with pytest.raises(SystemExit, match="error: .*file"):
        main(["training-progress", *STAIRS.split(), "--out", str(tmp_path / "file")])


def test_training_that_diverges_is_told_in_one_sentence(tmp_path, capsys):
    arguments = [*STAIRS.split(), "--learning-rate", "1e30", "--seeds", "1", "--out", str(tmp_path)]
    with pytest.raises(SystemExit, match="^error: 1 units failed; run the same command again"):
        main(["training-progress", *arguments])
    assert "1 units failed: training diverged in epoch 1" in capsys.readouterr().out


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_progress, "compute", interrupted)
    with pytest.raises(SystemExit, match="run the same command again to go on"):
        main(["training-progress", *STAIRS.split(), "--out", str(tmp_path)])


def start(*command):
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    "arguments", [pytest.param("--help", marks=pytest.mark.deep), f"runtime {RUNTIME} --out"]
)
def test_a_reader_that_stops_reading_sees_no_traceback(arguments, tmp_path):
    arguments = [*arguments.split(), *([] if arguments == "--help" else [str(tmp_path)])]
    with start(sys.executable, "-m", "experiments", *arguments) as process:
        process.stdout.close()  # as `head` does, only at once
        assert "Traceback" not in process.stderr.read()
    assert process.returncode in (1, 141)  # rich ends with 1, Python itself as a shell expects


def test_ctrl_c_while_python_imports_ends_without_a_traceback():
    # The import of a module that never ends stands for the many that take a while.
    code = (
        "import sys, types, time\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'experiments.command_line':\n"
        "            print('importing', flush=True)\n"
        "            time.sleep(60)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from experiments.__main__ import main\n"
        "main(['--help'])\n"
    )
    process = start(sys.executable, "-c", code)
    assert process.stdout.readline() == "importing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert errors == ""
    assert process.returncode == -signal.SIGINT


def test_the_console_script_runs_the_same_command_line():
    script = Path(sys.executable).with_name("loglin")
    answer = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "usage: loglin" in answer.stdout
    for study in STUDIES:
        assert study in answer.stdout


@pytest.mark.parametrize("name", ["models", "loglin"])
def test_another_package_of_the_same_name_is_named(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import experiments"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 1
    assert f"ImportError: `experiments` needs the package `{name}` that lies beside it" in (
        answer.stderr
    )
    assert str(tmp_path / f"{name}.py") in answer.stderr


def test_importing_experiments_leaves_the_cores_alone():
    code = "import os, experiments.analysis.trajectory; print(os.environ.get('NPROC'))"
    environment = {name: value for name, value in os.environ.items() if name != "NPROC"}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert answer.stdout == "None\n"


def test_only_a_run_with_the_papers_settings_is_of_its_size():
    study = STUDIES["runtime"]
    assert size_of(study, study.paper, Options(seeds=1)) == "paper"
    assert size_of(study, study.small, Options(small=True)) == "reduced"
    assert size_of(study, replace(study.paper, repeats=1), Options()) == "other"
    assert size_of(study, replace(study.small, repeats=1), Options(small=True)) == "reduced"
