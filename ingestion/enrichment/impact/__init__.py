"""What did a delivery do to a metric: an engine on frames that needs neither warehouse nor scheduler."""

from ingestion.enrichment.impact.engine import METHOD_VERSION, Results, evaluate, evaluate_directory
from ingestion.enrichment.impact.frames import FramesInvalid

__all__ = ["METHOD_VERSION", "FramesInvalid", "Results", "evaluate", "evaluate_directory"]
