"""The static pages: one per domain, a product review for leaders, and an index that links them.

Belongs here: reading a published file and writing HTML that needs no network and no JavaScript. Does not
belong here: computing a metric (the marts do) and deciding what is published.
"""

from orchestration.publishing.report.render import Rendered, render_pages

__all__ = ["Rendered", "render_pages"]
