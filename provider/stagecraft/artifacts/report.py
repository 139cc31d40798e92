"""Reports: metrics, and a page that shows them."""

from __future__ import annotations

from stagecraft.artifacts.artifact import Artifact, Kind


class Report(Artifact):
    """Metrics in ``meta["metrics"]``, and ``report.html``, one file that needs nothing else."""

    kind = Kind.REPORT

    @property
    def metrics(self) -> dict[str, float]:
        return dict(self.meta["metrics"])

    def html(self) -> str:
        return self.read("report.html").decode()
