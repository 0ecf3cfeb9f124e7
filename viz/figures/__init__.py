"""Pure functions: numpy in, plotly.graph_objects.Figure out."""

from headlens.viz.figures.bars import strongest_bars
from headlens.viz.figures.grid import head_grid
from headlens.viz.figures.heatmap import attention_heatmap, pooled_heatmap
from headlens.viz.figures.overlay import patch_overlay, saliency_overlay
from headlens.viz.figures.strip import strip_figure

__all__ = [
    "attention_heatmap",
    "head_grid",
    "patch_overlay",
    "pooled_heatmap",
    "saliency_overlay",
    "strip_figure",
    "strongest_bars",
]
