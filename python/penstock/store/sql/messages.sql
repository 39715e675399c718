-- name: list_messages
-- A page after a sequence number; rides on the primary key.
SELECT seq, msisdn, segments, state::text AS state, sent_at, final_at, report_closed_at, provider_id, error FROM message
WHERE tenant_id = $1 AND campaign_id = $2 AND seq > $3 ORDER BY seq LIMIT $4

-- name: list_messages_in_state
-- The same for one state: reads past the others, there is no index on the state on purpose.
SELECT seq, msisdn, segments, state::text AS state, sent_at, final_at, report_closed_at, provider_id, error FROM message
WHERE tenant_id = $1 AND campaign_id = $2 AND seq > $3 AND state = $5::message_state ORDER BY seq LIMIT $4

-- name: count_without_report
-- Rides on the primary key, and reads every message of the campaign.
SELECT count(*) FROM message WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'sent' AND report_closed_at IS NOT NULL
