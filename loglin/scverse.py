"""AnnData in, AnnData out: what was found about cells is written where scverse tools look for it.

Functions take `adata`, write their result there under `key_added`, and return None, or with `copy`
a changed copy. Nothing that is written needs this package, or a pickle, to be read again. anndata
and pandas come with the data.
"""

from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loglin.containers import names_of
from loglin.patterns import Patterns, frequent_patterns
from loglin.selection import COVERING, Selection, StandIns, select_features, stand_ins
from loglin.tables import dichotomize, latent_codes
from loglin.validation import as_codes, as_count, shown

OTHER = "other"
"""What `obs[key + "_pattern"]` calls a cell without one of the patterns."""


def explain(
    adata: Any,
    use_rep: str,
    num_features: int = 10,
    *,
    layer: str | None = None,
    quantile: float = 0.5,
    threshold: float | None = None,
    num_patterns: int = 10,
    key_added: str = "loglin",
    copy: bool = False,
    **settings: Any,
) -> Any:
    """Select the genes that say most about latents of the cells, and write them to the AnnData.

    The latents may come from any model, such as scVI. Latents that are not whole numbers are cut at
    their medians. By default the gains cover everything (`COVERING`), and the selection stops where
    chance explains the rest.

    Parameters
    ----------
    adata : AnnData
        Cells with expression values and latents.
    use_rep : str
        Key in `adata.obsm` of the latents (n, r).
    num_features : int
        Most genes to select.
    layer, quantile, threshold : optional
        How values become codes, as in `dichotomize`.
    num_patterns : int
        Most patterns of these genes.
    key_added, copy : optional
        As in `annotate`, which says what is written.
    **settings : optional
        Further arguments of `select_features`.

    Returns
    -------
    AnnData or None
        The annotated copy if `copy`, otherwise None.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    annotate : Writes a selection that you have made.
    get.selection_df : Reads what was written.
    select_features : The selection itself.

    Examples
    --------
    >>> import anndata
    >>> u = np.repeat([[0.0], [1.0]], 50, axis=0)
    >>> cells = anndata.AnnData(np.column_stack([np.arange(100) % 2, u]), obsm={"X_model": u})
    >>> explain(cells, "X_model", threshold=0)
    >>> cells.var["loglin_rank"].tolist(), cells.obs["loglin_pattern"].unique().tolist()
    ([nan, 1.0], ['0', '1'])
    """
    _check(adata)
    if use_rep not in adata.obsm:
        raise ValueError(
            f"`use_rep` must be one of {sorted(adata.obsm)} in .obsm, got {shown(use_rep)}"
        )
    codes = dichotomize(adata, quantile, threshold=threshold, layer=layer)
    latents = np.asarray(adata.obsm[use_rep])
    u = latent_codes(latents if latents.ndim > 1 else latents[:, None])
    rule = {**COVERING, "stop": "chance"} | settings
    most = min(as_count(num_features, "num_features", 1), adata.n_vars)
    selection = select_features(codes, u, most, **rule)
    chosen = selection.features.tolist()
    return annotate(
        adata, codes, selection,
        patterns=frequent_patterns(codes, chosen, num_patterns) if chosen else None,
        alternatives=stand_ins(codes, u, chosen) if chosen else None,
        settings={"use_rep": use_rep, "layer": layer, "quantile": quantile,
                  "threshold": threshold, **rule},
        key_added=key_added, copy=copy,
    )  # fmt: skip


def annotate(
    adata: Any,
    codes: Any,
    selection: Selection,
    *,
    patterns: Patterns | None = None,
    alternatives: StandIns | None = None,
    settings: dict[str, Any] | None = None,
    key_added: str = "loglin",
    copy: bool = False,
) -> Any:
    """Write a selection and its patterns to an AnnData.

    Parameters
    ----------
    adata : AnnData
        With the cells of `codes`, and at least its features.
    codes : (n, p) data frame
        Codes of the cells, from `dichotomize`.
    selection : Selection
        From samples with the features of `codes`.
    patterns : Patterns, optional
        Patterns of the chosen features in their order.
    alternatives : StandIns, optional
        Stand-ins of the chosen features.
    settings : dict, optional
        To be kept; None in it is left out, other values that AnnData cannot store become text.
    key_added : str
        Prefix of what is written.
    copy : bool
        Write to a copy, and return it.

    Returns
    -------
    AnnData or None
        With the following, where "loglin" stands for `key_added`:

        - `var["loglin_rank"]`: 1 for the gene that was chosen first, NaN for those not chosen
        - `var["loglin_gain"]`: its gain
        - `var["loglin_stand_in_for"]`: chosen genes that it could replace, separated by commas
        - `obs["loglin_pattern"]`: the values of the chosen genes in their order, such as "0110", or
          "other" if they are none of the patterns
        - `uns["loglin"]`: names of the chosen genes, gains, patterns with their counts among the
          samples, settings and version

    Raises
    ------
    ValueError
        If an argument is invalid; nothing is written then.

    See Also
    --------
    explain : Selects and writes in one call.
    get.selection_df : Reads what was written.

    Examples
    --------
    >>> import anndata
    >>> import pandas as pd
    >>> from loglin import select_features
    >>> codes = pd.DataFrame({"A": [0, 0, 1, 1] * 9, "B": [0, 1, 0, 1] * 9}).rename(index=str)
    >>> cells = anndata.AnnData(codes.astype(float))
    >>> annotate(cells, codes, select_features(codes, codes[["B"]], 1))
    >>> cells.var["loglin_rank"].tolist()
    [nan, 1.0]
    """
    import pandas as pd

    _check(adata)
    names = names_of(codes)
    if names is None:
        raise ValueError("`codes` must be a data frame with names, as `dichotomize` returns it")
    if len(codes) != adata.n_obs or not (codes.index == adata.obs_names).all():
        raise ValueError("`codes` must have the cells of `adata`, in their order")
    places = adata.var_names.get_indexer(codes.columns) if adata.var_names.is_unique else None
    if places is None or (places < 0).any():
        raise ValueError("`codes` must have features of `adata`, each with a name of its own")
    if not isinstance(selection, Selection) or selection.scores.shape[2] != len(names):
        raise ValueError(f"`selection` must be a Selection of {len(names)} features, as `codes`")
    if not isinstance(key_added, str) or not key_added:
        raise ValueError(f"`key_added` must be a word, got {shown(key_added)}")
    chosen = selection.features
    rank, gain = np.full((2, adata.n_vars), np.nan)
    rank[places[chosen]] = np.arange(1, len(chosen) + 1)
    gain[places[chosen]] = selection.gains
    replaces: list[list[str]] = [[] for _ in range(adata.n_vars)]
    if alternatives is not None:
        for step, feature in zip(alternatives.steps, alternatives.features, strict=True):
            replaces[places[feature]].append(names[chosen[step]])
    marks = _marks(as_codes(codes, "codes")[0][:, chosen])
    found: dict[str, Any] = {
        "features": np.array(names)[chosen],
        "gains": selection.gains,
        "settings": _storable(settings or {}),
        "version": version("loglin"),
    }
    if patterns is not None:
        listed = _marks(patterns.states)
        marks = np.where(np.isin(marks, listed), marks, OTHER)
        found |= {"patterns": listed, "states": patterns.states, "counts": patterns.counts}
    target = adata.copy() if copy else adata
    target.var[f"{key_added}_rank"] = rank
    target.var[f"{key_added}_gain"] = gain
    target.var[f"{key_added}_stand_in_for"] = [",".join(words) for words in replaces]
    target.obs[f"{key_added}_pattern"] = pd.Categorical(marks)
    target.uns[key_added] = found
    return target if copy else None


def from_scvi(model: Any) -> tuple[Any, NDArray[np.float64]]:
    """Return what an scvi-tools model generates for its cells, with their latents.

    For each cell the model draws counts from its posterior predictive distribution; the latents are
    the means of the cell's posterior. So both are what the model knows, and not the data::

        counts, latents = from_scvi(model)
        selection = select_features(
            dichotomize(counts, threshold=0), dichotomize(latents), **COVERING)

    Parameters
    ----------
    model : scvi.model.SCVI, or another model of scvi-tools
        Trained, with the methods `posterior_predictive_sample` and `get_latent_representation`.

    Returns
    -------
    counts : (n, p) data frame
        With the names of cells and genes of the model's AnnData.
    latents : (n, r) array
        Means of the latents of each cell.

    Raises
    ------
    ValueError
        If the model does not have these methods, or gives counts of another shape.

    See Also
    --------
    loglin.explain : Latents of the cells, with the data as samples.
    loglin.select_features : Takes what is returned, as codes.

    Examples
    --------
    Any object with the two methods will do:

    >>> import anndata
    >>> class Trained:
    ...     adata = anndata.AnnData(np.zeros((3, 2)))
    ...     def posterior_predictive_sample(self, n_samples):
    ...         return np.array([[0, 4], [1, 0], [2, 2]])
    ...     def get_latent_representation(self):
    ...         return np.array([[0.5], [-1.0], [0.2]])
    >>> counts, latents = from_scvi(Trained())
    >>> counts.shape, latents.shape
    ((3, 2), (3, 1))
    """
    import pandas as pd

    for method in ("posterior_predictive_sample", "get_latent_representation"):
        if not callable(getattr(model, method, None)):
            raise ValueError(f"`model` must have the method {method}, got {type(model).__name__}")
    counts = model.posterior_predictive_sample(n_samples=1)
    counts = counts.todense() if hasattr(counts, "todense") else counts  # scvi-tools 1.0 and later
    cells = model.adata
    if np.shape(counts) != cells.shape:
        raise ValueError(
            f"`model` must generate counts of {cells.n_obs} cells and {cells.n_vars} genes, got "
            f"shape {np.shape(counts)}"
        )
    frame = pd.DataFrame(np.asarray(counts), cells.obs_names, cells.var_names)
    return frame, np.asarray(model.get_latent_representation())


def selection_df(adata: Any, key: str = "loglin") -> Any:
    """Return the chosen genes in order, with their gains and stand-ins, as a data frame.

    Parameters
    ----------
    adata : AnnData
        After `loglin.explain` or `loglin.annotate`.
    key : str
        Their `key_added`.

    Returns
    -------
    data frame
        With the columns name, gain and stand_ins, a row for each step.

    Raises
    ------
    ValueError
        If there is no such selection.

    See Also
    --------
    loglin.explain : Selects and writes.
    loglin.annotate : Writes a selection.

    Examples
    --------
    >>> import anndata
    >>> u = np.repeat([[0.0], [1.0]], 50, axis=0)
    >>> cells = anndata.AnnData(np.column_stack([np.arange(100) % 2, u]), obsm={"X_model": u})
    >>> explain(cells, "X_model", threshold=0)
    >>> selection_df(cells)["name"].tolist()
    ['1']
    """
    import pandas as pd

    _check(adata)
    if key not in adata.uns or f"{key}_rank" not in adata.var:
        raise ValueError(f"`key` must be the `key_added` of a selection in .uns, got {shown(key)}")
    found = adata.uns[key]
    stands_for = adata.var[f"{key}_stand_in_for"].str.split(",")
    instead = [
        ",".join(adata.var_names[[name in words for words in stands_for]])
        for name in found["features"]
    ]
    index = pd.RangeIndex(1, len(found["features"]) + 1, name="step")
    columns = {"name": found["features"], "gain": found["gains"], "stand_ins": instead}
    return pd.DataFrame(columns, index=index)


def _check(adata: Any) -> None:
    if not all(hasattr(adata, part) for part in ("obs", "var", "uns", "obsm")):
        raise ValueError(f"`adata` must be an AnnData, got {type(adata).__name__}")


def _marks(states: NDArray[np.int8]) -> NDArray[np.str_]:
    """Write patterns (k, q) as text; with levels above 9, separated by hyphens."""
    separator = "-" if states.size and states.max() > 9 else ""
    return np.array([separator.join(map(str, state)) for state in states.tolist()], np.str_)


def _storable(settings: dict[str, Any]) -> dict[str, Any]:
    plain = bool, int, float, str
    return {
        name: value if isinstance(value, plain) else str(value)
        for name, value in settings.items()
        if value is not None
    }
