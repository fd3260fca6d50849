"""Customers: what they say, how satisfied they are, who they are.

One module per group of sections; this one puts them in their order.
"""

from __future__ import annotations

from orchestration.publishing.report.page import Page
from orchestration.publishing.report.pages.customers.accounts import accounts, losses
from orchestration.publishing.report.pages.customers.feedback import feedback
from orchestration.publishing.report.pages.customers.health import HEALTH, health
from orchestration.publishing.report.pages.customers.identity import AUDIT, identity
from orchestration.publishing.report.pages.customers.loops import LOOPS, loops
from orchestration.publishing.report.pages.customers.opportunities import OPPORTUNITIES, opportunities
from orchestration.publishing.report.pages.customers.quality import QUALITY, quality
from orchestration.publishing.report.pages.customers.satisfaction import VOICE, satisfaction
from orchestration.publishing.report.pages.customers.themes import FEEDBACK, THEME_TABLES, themes


def build(page: Page) -> None:
    page.section("feedback", [FEEDBACK], lambda: feedback(page))
    page.section("satisfaction", [VOICE], lambda: satisfaction(page))
    page.section("themes", THEME_TABLES, lambda: themes(page))
    page.section("quality", [QUALITY], lambda: quality(page))
    page.section("opportunities", [OPPORTUNITIES], lambda: opportunities(page))
    page.section("loop", [LOOPS, "metric.dim_accounts", "delivery.dim_deliveries"], lambda: loops(page))
    page.section("health", [HEALTH, "metric.dim_accounts"], lambda: health(page))
    page.section("losses", ["metric.fct_deals"], lambda: losses(page), lead=page.t("losses.lead"))
    page.section("accounts", ["metric.dim_accounts"], lambda: accounts(page), lead=page.t("accounts.lead"))
    page.section("identity", [AUDIT], lambda: identity(page))
