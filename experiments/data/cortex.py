"""The cells of the mouse visual cortex (Section 3.2; Tasic et al. 2016).

The three published files hold expression of 180 genes in 1525 neural cells, already divided by
DESeq size factors, and two labels of each cell. They are searched for in the folder
`LOGLIN_DATA_DIR`, then in the user's cache, and otherwise downloaded from the authors' repository.
Only files with the published checksum are used. The matrix has no gene names. The names and classes
in `cortex_genes.tsv` were recovered from the order of its rows, and are known to be correct for the
rows that could be matched with published counts (the least certain are Tacstd2 and Tcerg1l).
"""

import csv
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin import dichotomize
from loglin.validation import as_number

COMMIT = "ff8ca7f8539a4147803bdd8789d14337482a5dac"
BASE_URL = f"https://raw.githubusercontent.com/ssehztirom/patternextractor.jl/{COMMIT}/data"
SHA256 = {
    "single_cell_mat.txt": "aefdb871b8d2cb7471ea732ab6a5b847bebaf3f4d4a2d08a6efe91bd97f3a1ba",
    "celltype.txt": "bceda55175dec7a093843d2e7c09084cdd7a919a16c6e33d78ac95c3a7883d4e",
    "gabagluta.txt": "4ca91e996d2a81709a8b8c1c9c81cd129779845f9416c49f3703381b0e960f4e",
}

Panel = Literal["markers", "receptors", "both"]
PANEL_SIZES = {"markers": 100, "receptors": 80, "both": 180}
NUM_CELLS = 1525

MAJOR_TYPES = ("Vip", "Sst", "Pvalb", "L4", "L5b")
"""The cell types that are coloured in Fig. 6; Davies-Bouldin indices are computed from these."""
PAPER_DBM_GENES = (
    "Calb2", "Car4", "Cdh13", "Parm1", "Penk", "Pvalb", "Rorb", "Sst", "Vip", "Bcl6", "Mybpc1",
)  # fmt: skip
"""The genes that the paper names as selected from DBM samples; the twelfth is not named."""
PAPER_COMMON_GENES = ("Calb2", "Car4", "Cdh13", "Penk", "Pvalb", "Rorb", "Sst", "Vip")
"""The eight of these genes that the paper finds with the VAE as well."""
MARKED_GENES = ("Pvalb", "Sst", "Vip")
"""The genes that Fig. 5 highlights."""


class Cells(NamedTuple):
    """Expression of a panel of genes, with annotations of genes and cells."""

    expression: NDArray[np.float64]
    """(n, p) read counts divided by size factors."""
    genes: NDArray[np.str_]
    """(p,) names, sorted."""
    gene_class: NDArray[np.str_]
    """(p,) "gabaergic", "glutamatergic" or "non-neural" marker, or "neurotransmitter"."""
    cell_type: NDArray[np.str_]
    """(n,) one of 15 types."""
    cell_class: NDArray[np.str_]
    """(n,) "GABA" or "Glutamate"."""


@dataclass(frozen=True)
class CortexConfig:
    """Which genes of the cells are used, and how; the defaults are the paper's."""

    panel: Panel = "markers"
    """Cell-type markers (100 genes), neurotransmitter receptors (80), or both."""
    cut: float = 0.5
    """Quantile of a gene's expression above which it counts as on."""
    share_for_training: float = 0.632
    """Share of the cells for training; models are tuned on the others."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.panel not in PANEL_SIZES:
            raise ValueError(f"`panel` must be one of {tuple(PANEL_SIZES)}, got {self.panel!r}")
        as_number(self.cut, "cut", 0, 1)
        as_number(self.share_for_training, "share_for_training", 0, 1)
        if not 0 < self.num_training < NUM_CELLS:
            raise ValueError(
                "`share_for_training` must leave cells for training and others for tuning, "
                f"got {self.share_for_training}"
            )

    @property
    def num_genes(self) -> int:
        """Number of genes in the panel."""
        return PANEL_SIZES[self.panel]

    @property
    def num_training(self) -> int:
        """Number of cells for training."""
        return round(self.share_for_training * NUM_CELLS)

    def codes(self, cells: Cells) -> NDArray[np.int8]:
        """Return 1 where a gene of a cell is on, (n, p)."""
        return dichotomize(cells.expression, self.cut)

    def split(self, seed: int) -> "Split":
        """Split the cells at random into training and held-out cells."""
        order = np.random.default_rng(seed).permutation(NUM_CELLS)
        return Split(order[: self.num_training], order[self.num_training :])


class Split(NamedTuple):
    """Indices of the cells for training, and of the held-out cells."""

    training: NDArray[np.int64]
    held_out: NDArray[np.int64]


def load_cortex(panel: Panel = "markers") -> Cells:
    """Return the cortex cells with one of the paper's gene panels.

    Parameters
    ----------
    panel : "markers", "receptors" or "both"
        The 100 cell-type markers, the 80 neurotransmitter receptors, or all 180 genes.

    Returns
    -------
    Cells

    Raises
    ------
    ValueError
        If `panel` is not one of the three.
    OSError
        If a file is not available, or is not the published one.
    """
    genes, gene_class = panel_genes(panel)
    paths = {name: locate(name) for name in SHA256}
    rows = gene_columns(panel_genes("both")[0], genes)
    return Cells(
        np.loadtxt(paths["single_cell_mat.txt"], delimiter="\t")[rows].T,
        genes,
        gene_class,
        np.array(paths["celltype.txt"].read_text().split("\n")[:-1]),
        np.array(paths["gabagluta.txt"].read_text().split("\n")[:-1]),
    )


def panel_genes(panel: Panel) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return name and class of each gene of a panel, without reading the cells."""
    if panel not in tuple(PANEL_SIZES):
        raise ValueError(f"`panel` must be one of {tuple(PANEL_SIZES)}, got {panel!r}")
    with Path(__file__).with_name("cortex_genes.tsv").open(newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file, delimiter="\t")
            if panel in ("both", row["panel"] + "s")
        ]
    return np.array([row["gene"] for row in rows]), np.array([row["class"] for row in rows])


def gene_columns(genes: NDArray[np.str_], names: Iterable[str]) -> list[int]:
    """Return the columns of the named genes.

    Raises
    ------
    ValueError
        If a name is not among `genes`.
    """
    column = {gene: position for position, gene in enumerate(genes.tolist())}
    unknown = [name for name in names if name not in column]
    if unknown:
        raise ValueError(f"`names` must be genes of the panel, got {', '.join(map(str, unknown))}")
    return [column[name] for name in names]


def locate(name: str, base_url: str = BASE_URL) -> Path:
    """Return the path of one of the published files, downloaded if needed.

    Raises
    ------
    OSError
        If it is not available, or is not the published one.
    """
    folder = os.environ.get("LOGLIN_DATA_DIR")
    if folder and (path := Path(folder) / name).is_file():
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != SHA256[name]:
            raise OSError(
                f"`{path}` is not the published file: expected sha256 {SHA256[name]}, got {found}"
            )
        return path
    try:
        import pooch
        import requests
    except ImportError:
        raise OSError(
            f"`{name}` is not in LOGLIN_DATA_DIR, and downloading it needs the package pooch: "
            "install the extra `data`"
        ) from None
    # pooch downloads to a temporary file and moves it in place once its checksum is right.
    try:
        path = pooch.retrieve(
            f"{base_url}/{name}",
            known_hash=f"sha256:{SHA256[name]}",
            fname=name,
            path=pooch.os_cache("loglin") / f"tasic2016-{COMMIT[:7]}",
        )
    except ValueError:
        reason = f"what came is not the published file (expected sha256 {SHA256[name]})"
    except requests.HTTPError as error:
        reason = str(error)
    except requests.RequestException:
        reason = "the server cannot be reached or broke off"
    else:
        return Path(path)
    raise OSError(
        f"`{name}` is not in LOGLIN_DATA_DIR ({folder or 'not set'}) and could not be downloaded "
        f"from {base_url}: {reason}"
    )
