"""Settings of the documentation site, which `make docs` builds."""

import hashlib
import importlib.metadata
import os
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util.logging import getLogger

logger = getLogger(__name__)

# Before JAX computes: the numbers of one core, as everywhere in this project.
os.environ.setdefault("NPROC", "1")
# The kernels of the notebooks have settings of their own; by default each warns of its ports.
os.environ["IPYTHONDIR"] = str(Path(__file__).parent / "_build/ipython")
kernel = Path(os.environ["IPYTHONDIR"]) / "profile_default/ipython_kernel_config.py"
kernel.parent.mkdir(parents=True, exist_ok=True)
kernel.write_text('get_config().IPKernelApp.log_level = "ERROR"\n')

project = "loglin"
author = "The loglin authors"
copyright = author
release = version = importlib.metadata.version("loglin")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
]
exclude_patterns = ["_build", "measured", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]
# A name in single backticks is a link if it is documented, and code otherwise. Names that are
# linked explicitly have to exist, save those of other packages, whose inventories may be out of
# reach.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", r".*"),
    ("py:.*", r"(anndata|jax|matplotlib|numpy|optax|pandas|scipy|sklearn)\..*"),
]
show_warning_types = True
smartquotes = False  # those of code stay as they are typed


def digest_of_sources() -> str:
    """Return a hash of what the outputs of notebooks depend on beside their own cells."""
    root = Path(__file__).parents[1]
    paths = [root / "requirements.lock", *root.glob("docs/notebooks/*.np[yz]")]
    for package in ("loglin", "models", "experiments"):
        paths += (root / package).rglob("*.py")
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# Notebooks are executed once and kept until they or the packages change.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parent / "_build/cache" / digest_of_sources())
nb_execution_raise_on_error = True
nb_execution_timeout = 300
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say types and shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False


def can_be_read(url: str) -> bool:
    """Return whether a page answers; without a network the site has no links to other projects."""
    try:
        with urllib.request.urlopen(url, timeout=3):
            return True
    except OSError:
        return False


INVENTORIES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "jax": "https://docs.jax.dev/en/latest/",
    "anndata": "https://anndata.readthedocs.io/en/stable/",
    "sklearn": "https://scikit-learn.org/stable/",
}
is_online = can_be_read(INVENTORIES["python"] + "objects.inv")
intersphinx_mapping = {
    name: (url, None)
    for name, url in INVENTORIES.items()
    if is_online and can_be_read(url + "objects.inv")
}

html_theme = "pydata_sphinx_theme"
html_title = "loglin"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
# Pages without pages below them need no navigation at the left.
html_sidebars = {page: [] for page in ("index", "studies", "speed", "extending", "changelog")}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}


def setup(app: Any) -> None:
    """Write formulas as MathML, which browsers show without a script from elsewhere."""

    def write(writer: Any, node: Any, as_block: bool) -> NoReturn:
        try:
            writer.body.append(tex2mathml(node.astext(), as_block=as_block))
        except MathError as error:
            logger.warning("%s in %s", error, node.astext(), location=node)
        raise SkipNode

    inline = partial(write, as_block=False), None
    block = partial(write, as_block=True), None
    app.add_html_math_renderer("mathml", inline, block)
    app.config.html_math_renderer = "mathml"
