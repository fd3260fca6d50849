"""One way to spoil a built warehouse per publication check: each check must notice its own.

Belongs here: the statements. Does not belong here: what the checks say (`expectations/suites/marts`) and how
they run.
"""

from __future__ import annotations

CORRUPTIONS: dict[str, str] = {
    "pipeline_deals_add_up": """update metric.mart_metric__pipeline set won_deal_count = won_deal_count + 1
        where cohort_basis = 'closed'""",
    "pipeline_matches_deals": """update metric.mart_metric__pipeline set deal_count = deal_count + 1
        where cohort_basis = 'created'""",
    "pipeline_of_today_matches_deals": """delete from metric.mart_metric__pipeline_daily
        where date_on = (select max(date_on) from metric.mart_metric__pipeline_daily)""",
    "pipeline_segments_fit_into_all": """update metric.mart_metric__pipeline_daily
        set open_deal_count = open_deal_count + 1000 where segment <> 'all'""",
    "lost_deals_have_one_reason": """update metric.mart_metric__loss_reasons
        set lost_deal_count = lost_deal_count + 1""",
    "activation_is_of_those_who_signed_up": """update metric.mart_metric__activation
        set activated_person_count = person_count + 1""",
    "activation_segments_fit_into_all": """update metric.mart_metric__activation
        set person_count = 0 where segment = 'all'""",
    "retention_survives_step_by_step": """update metric.mart_metric__retention_cohorts
        set ended_person_count = ended_person_count + 1 where period_number = 1""",
    "adopters_could_use_it": """update metric.mart_metric__feature_adoption
        set eligible_account_count = adopter_account_count - 1""",
    "support_days_match_tickets": """update metric.mart_metric__support_performance
        set backlog_ticket_count = backlog_ticket_count + 1""",
    "support_weeks_are_their_days": """update metric.mart_metric__support_performance
        set created_ticket_count = created_ticket_count + 1 where period_unit = 'week'""",
    "flow_bands_hold_everything_that_arrived": """update delivery.mart_delivery__flow_daily
        set wip_count = wip_count + 1""",
    "flow_matches_work_items": """update delivery.fct_work_items set done_at = null
        where work_item_id = (
          select max(work_item_id) from delivery.fct_work_items
          where done_at is not null and work_item_level = 'standard')""",
    "flow_weeks_are_their_days": """update delivery.mart_delivery__flow_weekly
        set throughput_count = throughput_count + 1""",
    "investment_is_all_the_work": """update delivery.mart_delivery__investment
        set people_days = people_days + 1""",
    "investment_shares_are_a_whole": """update delivery.mart_delivery__investment
        set people_days_ratio = people_days_ratio / 2""",
    "roadmap_evidence_shares_are_a_whole": """update governance.mart_governance__roadmap_evidence
        set item_ratio = item_ratio / 2""",
    "roadmap_work_is_part_of_all_work": """update governance.mart_governance__roadmap_evidence
        set people_days = people_days + 10000""",
    "key_results_without_owner_are_found": """insert into governance.mart_governance__process_health
        (finding_kind, subject_kind, subject_id)
        select 'key_result_without_owner', 'key_result', key_result_id
        from impact.mart_impact__key_results where owner is not null""",
    "findings_are_not_from_the_future": """update governance.mart_governance__process_health
        set age_days = -1 where age_days is not null""",
    "reconciliation_counts_its_tickets": """update governance.mart_governance__reconciliation
        set ticket_count = ticket_count + 1 where ticket_id = 'all'""",
    "vendor_and_we_agree": """update governance.mart_governance__reconciliation
        set difference_kind = 'unexplained'""",
    "every_release_is_marked": "delete from impact.mart_impact__release_marks where mark_kind = 'delivery'",
    "decisions_match": """delete from impact.mart_impact__decisions
        where decision_id = (select min(decision_id) from impact.mart_impact__decisions)""",
    "decisions_show_a_change_or_a_reason": """update impact.mart_impact__decisions
        set observed_missing_reason = null, observed_change_pct = null""",
    "key_results_match": """delete from impact.mart_impact__key_results
        where key_result_id = (select min(key_result_id) from impact.mart_impact__key_results)""",
    "progress_is_measured": "update impact.mart_impact__key_results set current_value = current_value + 1",
    "every_delivery_is_answered_on_every_metric": """delete from impact.fct_delivery_impact
        where metric = 'csat'""",
    "a_frozen_verdict_is_the_one_that_was_said": """insert into enrichment_impact.effects
        select * replace ('improved' as verdict) from enrichment_impact.effects
        where frozen_at is not null""",
    "a_decision_says_what_its_delivery_says": """update impact.mart_impact__decisions
        set verdict = 'improved' where verdict is not null""",
}
