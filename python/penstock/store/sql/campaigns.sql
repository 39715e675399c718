-- name: create_campaign
INSERT INTO campaign (tenant_id, campaign_id, name, text, sender, account_id, default_region, countries, max_parts, validity_s,
                      send_at, pace_s, auto_pause, retry_of, resend_unknown_after_s, quiet_hours)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::jsonb, $14, $15, $16::text::jsonb)

-- name: get_campaign
-- A rolling campaign is not the tenant's to see, to stop or to list: here and in the next two.
SELECT * FROM campaign WHERE tenant_id = $1 AND campaign_id = $2 AND NOT is_rolling

-- name: lock_campaign
-- Locks the row against every other change of the campaign until the transaction ends.
SELECT * FROM campaign WHERE tenant_id = $1 AND campaign_id = $2 AND NOT is_rolling FOR UPDATE

-- name: list_campaigns
-- Newest first, with an id below $2 and not below $3; rides on the primary key backwards. $4 and $5 bound the time of creation.
SELECT * FROM campaign
WHERE tenant_id = $1 AND campaign_id < $2 AND campaign_id >= $3 AND NOT is_rolling
  AND created_at >= coalesce($4, '-infinity'::timestamptz) AND created_at < coalesce($5, 'infinity'::timestamptz)
ORDER BY campaign_id DESC LIMIT $6

-- name: list_campaigns_in_state
-- The same for one state; rides on campaign_by_state.
SELECT * FROM campaign
WHERE tenant_id = $1 AND campaign_id < $2 AND campaign_id >= $3 AND NOT is_rolling
  AND created_at >= coalesce($4, '-infinity'::timestamptz) AND created_at < coalesce($5, 'infinity'::timestamptz)
  AND state = $7::campaign_state
ORDER BY campaign_id DESC LIMIT $6

-- name: list_campaigns_of_name
-- The same for one name, in any state or in one; rides on campaign_by_name.
SELECT * FROM campaign
WHERE tenant_id = $1 AND campaign_id < $2 AND campaign_id >= $3 AND NOT is_rolling
  AND created_at >= coalesce($4, '-infinity'::timestamptz) AND created_at < coalesce($5, 'infinity'::timestamptz)
  AND name = $8 AND state = coalesce($7::campaign_state, state)
ORDER BY campaign_id DESC LIMIT $6

-- name: start_campaign
-- The caller holds the row's lock and has checked the transition.
UPDATE campaign
SET state = 'sending', started_at = now(), expires_at = now() + make_interval(secs => validity_s),
    paced_from = CASE WHEN pace_s IS NOT NULL THEN now() END, paused_at = NULL, pause_reason = NULL
WHERE tenant_id = $1 AND campaign_id = $2

-- name: list_completable
-- scope: system. Sending campaigns with no batch left and no message queued, unknown or awaiting its report; at most 100.
-- A rolling one takes messages until it closes. Rides on campaign_sending, batch_ready and the primary key of counter.
SELECT c.tenant_id, c.campaign_id FROM campaign c
WHERE c.state = 'sending' AND (c.closes_at IS NULL OR c.closes_at <= now())
  AND NOT EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('pending', 'sending', 'unknown', 'dead'))
  AND (SELECT coalesce(sum(n), 0) FROM counter
       WHERE tenant_id = c.tenant_id AND campaign_id = c.campaign_id AND counter IN ('queued', 'unknown', 'sent'))
    + (SELECT coalesce(sum(n), 0) FROM counter_delta
       WHERE tenant_id = c.tenant_id AND campaign_id = c.campaign_id AND counter IN ('queued', 'unknown', 'sent')) = 0
ORDER BY c.campaign_id LIMIT 100

-- name: list_silent
-- scope: system. Sending campaigns with no batch left whose last answer came longer ago than the report window; at most 100.
SELECT c.tenant_id, c.campaign_id FROM campaign c
WHERE c.state = 'sending' AND (c.closes_at IS NULL OR c.closes_at <= now())
  AND NOT EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('pending', 'sending', 'unknown', 'dead'))
  AND (SELECT max(a.closed_at) FROM attempt a WHERE a.campaign_id = c.campaign_id AND a.tenant_id = c.tenant_id) < now() - $1::interval
ORDER BY c.campaign_id LIMIT 100

-- name: complete_campaign
-- Nothing when the campaign is no longer sending.
UPDATE campaign SET state = 'completed', completed_at = now()
WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'sending' RETURNING campaign_id

-- name: close_silent_messages
-- Marks at most $3 sent messages whose report window is over; they stay sent, and a late report still applies. Rides on the
-- primary key. MATERIALIZED, because a joined sub-select is run again for each row of the other side and then marks more than
-- $3; not an array, because PostgreSQL 15 without statistics may compare each row with each of its elements (1.5 s a batch).
WITH silent AS MATERIALIZED (
    SELECT s.tenant_id, s.campaign_id, s.seq FROM message s
    WHERE s.tenant_id = $1 AND s.campaign_id = $2 AND s.state = 'sent' AND s.report_closed_at IS NULL
    ORDER BY s.seq LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE message m SET report_closed_at = now()
FROM silent WHERE m.tenant_id = silent.tenant_id AND m.campaign_id = silent.campaign_id AND m.seq = silent.seq

-- name: get_counts
-- Folded counters plus the deltas not folded yet.
SELECT counter, sum(n)::int8 AS n
FROM (SELECT counter, n FROM counter WHERE tenant_id = $1 AND campaign_id = $2
      UNION ALL
      SELECT counter, n FROM counter_delta WHERE tenant_id = $1 AND campaign_id = $2) books
GROUP BY counter

-- name: get_counts_of
-- The same for a page of campaigns.
SELECT campaign_id, counter, sum(n)::int8 AS n
FROM (SELECT campaign_id, counter, n FROM counter WHERE tenant_id = $1 AND campaign_id = ANY($2::uuid[])
      UNION ALL
      SELECT campaign_id, counter, n FROM counter_delta WHERE tenant_id = $1 AND campaign_id = ANY($2::uuid[])) books
GROUP BY campaign_id, counter

-- name: add_counts
-- Deltas of one campaign, in the transaction of the change they count.
INSERT INTO counter_delta (tenant_id, campaign_id, counter, n)
SELECT $1, $2, d.counter, d.n FROM unnest($3::text[], $4::int8[]) AS d(counter, n) WHERE d.n <> 0

-- name: fold_counts
-- scope: system. Folds at most $1 deltas, but for those that are being discarded; run by one process at a time.
WITH taken AS MATERIALIZED (
    DELETE FROM counter_delta WHERE delta_id = ANY(ARRAY(SELECT delta_id FROM counter_delta ORDER BY delta_id LIMIT $1
                                                          FOR UPDATE SKIP LOCKED))
    RETURNING tenant_id, campaign_id, counter, n
), folded AS (
    INSERT INTO counter (tenant_id, campaign_id, counter, n)
    SELECT tenant_id, campaign_id, counter, sum(n) FROM taken GROUP BY tenant_id, campaign_id, counter
    ORDER BY tenant_id, campaign_id, counter
    ON CONFLICT (tenant_id, campaign_id, counter) DO UPDATE SET n = counter.n + excluded.n
)
SELECT count(*) FROM taken

-- name: recount_messages
-- The truth that the counters must equal: reads every message of the campaign.
SELECT state::text AS counter, count(*) AS n FROM message WHERE tenant_id = $1 AND campaign_id = $2 GROUP BY state

-- name: count_by_state
-- scope: system. For the metrics: tenants' campaigns by state.
SELECT state::text AS state, count(*) AS n FROM campaign WHERE NOT is_rolling GROUP BY state
