"""Looking at samples and weights: grids of small images, written to a file or shown."""

from __future__ import annotations

from adversarial.viewer.grid import Grid, save_grid, show_image
from adversarial.viewer.patch_viewer import PatchViewer, make_viewer

__all__ = ["Grid", "PatchViewer", "make_viewer", "save_grid", "show_image"]
