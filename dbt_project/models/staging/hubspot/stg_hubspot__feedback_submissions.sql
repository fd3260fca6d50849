{{ config(enabled=source_is_enabled('hubspot'), unique_key='submission_id') }}

with

new_rows as (
    {{ latest_raw_rows('hubspot', 'feedback_submissions', {
        'submission_id': 'text',
        'hs_survey_type': 'text',
        'hs_value': 'text',
        'hs_content': 'text',
        'hs_submission_timestamp': 'timestamp',
        'hs_contact_id': 'text',
    }) }}
),

final as (
    select
        {{ instance_id('submission_id') }} as submission_id,
        submission_id as vendor_submission_id,
        upper(hs_survey_type) as survey_type,
        {{ dbt.safe_cast('hs_value', type_double()) }} as score,
        hs_content as body,
        hs_submission_timestamp as answered_at,
        {{ instance_id('hs_contact_id') }} as contact_id,
        {{ envelope() }}
    from new_rows
)

{{ unless_older('final', 'submission_id') }}
