"""How Sphinx builds these pages: `make docs`; `make lint` fails on any warning, broken links included.

Knows: Sphinx's settings. Must not know: contents.
"""

from bot import __version__

project = "Shipbell"
author = "The Shipbell developers"
copyright = author
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["images"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"Shipbell {__version__}"
html_show_sphinx = False

# The lifecycle's diagram is Mermaid: drawn where the Markdown is read on a forge, shown as text here.
suppress_warnings = ["misc.highlighting_failure"]
