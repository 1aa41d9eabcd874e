"""`select_features` as a feature selector of scikit-learn, for pipelines and grid searches."""

import warnings
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from loglin.containers import as_matrix
from loglin.selection import select_features
from loglin.selection.scoring import NullModel
from loglin.tables import categorize, dichotomize
from loglin.validation import MAX_LEVELS, as_count, is_annotated


class LogLinearSelector(SelectorMixin, BaseEstimator):
    """Select the features that together tell most about labels or latents.

    The defaults are the settings `COVERING` of `select_features`: the next feature is the one that
    adds most to what those before it tell, corrected for chance. For the paper's rule (Eq. 1), set
    `null_model` to "joint", `across` to "max" and `corrected` to False.

    Parameters
    ----------
    n_features_to_select : int
        Number of features to select. If there are fewer, all are kept, with a warning.
    null_model, across, corrected : optional
        What is scored; see `select_features`.
    stop : None or "chance"
        "chance" stops before the first step that chance explains; `n_features_to_select` is then
        the largest number of features, and there may be fewer without a warning. Needs `corrected`.
    num_levels : int
        Number of quantile bins, 2 to 127, for features that are not codes; 2 cuts at the median.
    num_threads : int, optional
        Largest number of threads; by default the number of cores. Set it to 1 in a grid search that
        runs in several processes.

    Attributes
    ----------
    selection_ : Selection
        The steps of the selection with their gains, and names of the features if X has any.
    features_ : (q,) int array
        Columns of the selected features in the order in which they were chosen. `transform` and
        `get_feature_names_out` keep the order of the columns in X, as all selectors do.
    support_ : (p,) bool array
        Whether each feature was selected.
    n_features_ : int
        Number of selected features, q.
    n_features_in_ : int
        Number of features in `fit`, p.
    feature_names_in_ : (p,) array of str
        Their names, if X has any.

    See Also
    --------
    loglin.select_features : The same without scikit-learn, for samples of any size.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> x, cultivar = load_wine(return_X_y=True, as_frame=True)
    >>> selector = LogLinearSelector(3).fit(x, cultivar)
    >>> selector.selection_.names.tolist()
    ['flavanoids', 'color_intensity', 'proline']
    >>> selector.transform(x).shape
    (178, 3)
    """

    def __init__(
        self,
        n_features_to_select: int = 10,
        *,
        null_model: NullModel = "conditional",
        across: str = "sum",
        corrected: bool = True,
        stop: str | None = None,
        num_levels: int = 2,
        num_threads: int | None = None,
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.null_model = null_model
        self.across = across
        self.corrected = corrected
        self.stop = stop
        self.num_levels = num_levels
        self.num_threads = num_threads

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Select features of X that are associated with y.

        Parameters
        ----------
        X : (n, p) array, sparse matrix or data frame
            Numbers. Columns of codes, whole numbers from 0 to 126, are used as they are. Any other
            column is cut at its quantiles into `num_levels` bins (`categorize`), or, if it has only
            two values, into these. Counts are whole numbers too: cut them first if each is not to
            be a level of its own.
        y : (n,) or (n, r) array or data frame
            Labels or latents; each column is taken by itself. A column of floats that are not all
            whole numbers (what scikit-learn calls continuous) is a latent and is cut at its median,
            as by `latent_codes`. Any other column holds labels: up to 127 numbers, strings or other
            values that can be sorted.

        Returns
        -------
        LogLinearSelector
            The selector itself.

        Raises
        ------
        ValueError
            If a setting is invalid, X or y is empty or not finite, their lengths differ, or the
            labels are too many or of several types.
        """
        num_features = as_count(self.n_features_to_select, "n_features_to_select", 1)
        num_levels = as_count(self.num_levels, "num_levels", 2, MAX_LEVELS)
        for name, given in (("X", X), ("y", y)):
            if is_annotated(given):  # scikit-learn's message would be about sequences
                raise ValueError(
                    f"`{name}` must be an array or data frame, got {type(given).__name__}: pass "
                    f"its matrix, such as `{name}.X`"
                )
        X, y = validate_data(self, X, y, accept_sparse="csc", multi_output=True)  # noqa: N806
        if num_features > X.shape[1] and self.stop is None:
            warnings.warn(
                f"`n_features_to_select` is {num_features}, but X has only {X.shape[1]} features: "
                "all are kept",
                stacklevel=2,
            )
        self.selection_ = select_features(
            as_matrix(X, "X").map(partial(_as_codes, num_levels=num_levels), "X"),
            _as_latents(y),
            min(num_features, X.shape[1]),
            null_model=self.null_model,
            across=self.across,
            corrected=self.corrected,
            stop=self.stop,
            names=getattr(self, "feature_names_in_", None),
            num_threads=self.num_threads,
        )
        self.features_ = self.selection_.features
        self.support_ = np.isin(np.arange(X.shape[1]), self.features_)
        self.n_features_ = len(self.features_)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _as_codes(block: NDArray[np.float64], num_levels: int) -> NDArray[np.int8]:
    """Return columns of codes as they are, and the others as bins."""
    smallest, largest = block.min(axis=0), block.max(axis=0)
    are_codes = (smallest >= 0) & (largest < MAX_LEVELS) & (block == np.floor(block)).all(axis=0)
    # All quantiles may equal the larger of two values, so that one bin would hold both.
    are_two = ~are_codes & ((block == smallest) | (block == largest)).all(axis=0)
    are_others = ~are_codes & ~are_two
    codes = np.where(are_codes, block, block == largest).astype(np.int8)
    if are_others.any():
        codes[:, are_others] = categorize(block[:, are_others], num_levels)
    return codes


def _as_latents(y: Any) -> NDArray[np.intp]:
    """Return labels or latents, (n,) or (n, r), as codes (n, r)."""
    y = y.toarray() if issparse(y) else y
    return np.column_stack([_as_latent(column) for column in y.reshape(len(y), -1).T])


def _as_latent(column: NDArray[Any]) -> NDArray[Any]:
    """Return a latent or labels, (n,), as codes."""
    if column.dtype.kind == "f" and (column != np.floor(column)).any():
        return dichotomize(column[:, None])[:, 0]
    try:
        labels, codes = np.unique(column, return_inverse=True)
    except TypeError:  # labels that do not compare
        types = sorted({type(label).__name__ for label in column})
        raise ValueError(f"`y` must hold labels of one type, got {', '.join(types)}") from None
    if len(labels) > MAX_LEVELS:
        raise ValueError(
            f"`y` must hold at most {MAX_LEVELS} labels, got {len(labels)} (`dichotomize` or "
            "`categorize` turn numbers into codes)"
        )
    return codes
