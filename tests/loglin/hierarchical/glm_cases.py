"""R's generalized linear models, which several files compare with."""

import numpy as np

from tests.references import R_TABLES, reference

GLM = reference("loglin/r_extra.json")["glm"]
SHAPES = {"UCBAdmissions": (2, 2, 6), "r6_binary": (2,) * 6}


def table_of(case):
    """The counts: where R's file has them, and else from R's fit and residuals."""
    counts = np.array(case["fit"]) + np.array(case["resid_pearson"]) * np.sqrt(case["fit"])
    if case["table"] in R_TABLES:
        np.testing.assert_allclose(counts, R_TABLES[case["table"]].ravel(), atol=1e-6)
        return R_TABLES[case["table"]]
    return counts.round().reshape(SHAPES[case["table"]])
