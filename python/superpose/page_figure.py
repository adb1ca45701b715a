# SPDX-License-Identifier: Apache-2.0
"""A matplotlib figure that shows itself at a cell's end and keeps its caption. To be imported late."""
from __future__ import annotations

import io
from typing import Any, Dict, Tuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_DOTS = 2  # pixels of a picture per pixel of the screen


class PageFigure(Figure):  # type: ignore[misc]
    """A Figure of its own, not pyplot's: it needs no closing, and no backend.

    .metadata: Title, Description (the caption) and Source; savefig() writes them into PNG, SVG and PDF.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.metadata: Dict[str, str] = {}
        FigureCanvasAgg(self)

    def savefig(self, fname: Any, **kwargs: Any) -> None:
        name = kwargs.get("format") or str(getattr(fname, "name", fname)).rpartition(".")[2]
        if "metadata" not in kwargs and self.metadata:
            if name in ("png", "svg"):
                kwargs["metadata"] = self.metadata
            elif name == "pdf":
                subject = self.metadata.get("Description", "")
                kwargs["metadata"] = {"Title": self.metadata.get("Title", ""), "Subject": subject}
        super().savefig(fname, **kwargs)

    def _repr_png_(self) -> Tuple[bytes, Dict[str, int]]:
        """For IPython, whether or not pyplot was ever imported."""
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=_DOTS * self.dpi)
        width, height = self.get_size_inches() * self.dpi
        return out.getvalue(), {"width": round(width), "height": round(height)}
