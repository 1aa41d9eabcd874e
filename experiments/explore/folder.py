"""Where the results go: a folder that is ours, and a file that is new.

A folder becomes ours when its settings are written to it. From then on the same file with the same
settings goes on there, and anything else is refused unless `force` is set.
"""

import json
from hashlib import file_digest
from pathlib import Path

from experiments.explore.settings import Output
from models.storage import replace_file

SETTINGS = "settings.json"


def check_target(output: Output, file: Path) -> None:
    """Check that the AnnData can be written, before any work is done.

    Raises
    ------
    ValueError
        If it is no .h5ad, is the file that is read, or its folder is none.
    """
    target = output.write
    if target is None:
        return
    if target.suffix.lower() != ".h5ad":
        raise ValueError(f"`write` must be the name of an .h5ad file, got {target}")
    if target.exists() and (not target.is_file() or target.samefile(file)):
        what = "the file that is read" if target.is_file() else "a folder"
        raise ValueError(f"`write` must be a file of its own, got {what}: {target}")
    _make(target.parent, "write")


def claim(folder: Path, output: Output, identity: dict[str, str]) -> None:
    """Make the folder ours.

    Parameters
    ----------
    folder : Path
    output : Output
    identity : dict of str
        Everything that the page depends on.

    Raises
    ------
    ValueError
        If the folder holds anything else, or the file to be written is there and was not written
        from this folder, and `force` is not set; or the folder cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`out` must be a folder, got a file: {folder}")
    path, target = folder / SETTINGS, output.write
    before = _read(path)
    if not output.force:
        is_other = before is None and folder.exists() and any(folder.iterdir())
        if is_other:
            raise ValueError(
                f"`out` must be a new or empty folder, or one of this command, got {folder}, which "
                "holds other files: name another one, or pass --force"
            )
        if before is not None and (folder / "index.html").exists():
            changed = [key for key in identity if before.get(key) != identity[key]]
            if changed or set(before) - {"written"} != set(identity):
                which = f"`{changed[0]}`" if changed else "other settings"
                raise ValueError(
                    f"`out` {folder} holds the page of another file or other settings ({which} is "
                    "not the same): name another folder, or pass --force"
                )
        is_ours = target is not None and (before or {}).get("written") == str(target.resolve())
        if target is not None and target.exists() and not is_ours:
            raise ValueError(
                f"`write` {target} exists: name another file, or pass --force to overwrite it"
            )
    written = (before or {}).get("written") if target is None else str(target.resolve())
    content = identity | ({} if written is None else {"written": written})
    _make(folder, "out")
    try:
        replace_file(path, lambda opened: opened.write(json.dumps(content, indent=1).encode()))
    except OSError as error:
        raise ValueError(f"`out` must be a folder that can be written, got {error}") from None


def digest(path: Path) -> str:
    """Return a hash of the content of a file."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, str] | None:
    """Return what the folder was claimed with; None if it is not ours."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "content" in content else None


def _make(folder: Path, argument: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"`{argument}` must be in a folder that can be made, got {error.strerror}: {folder}"
        ) from None
