-- name: list_months
-- scope: system. Months of messages that were over $1 days ago, oldest first, each with the bounds of its campaigns' ids and the
-- instant since which it may go.
SELECT begins_at, uuid7_floor(begins_at) AS first_id, uuid7_floor(ends_at) AS next_id, ends_at + make_interval(days => $1) AS due_at
FROM (SELECT month AT TIME ZONE 'UTC' AS begins_at, (month + interval '1 month') AT TIME ZONE 'UTC' AS ends_at
      FROM (SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS month
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'message'::regclass) parts) months
WHERE ends_at <= now() - make_interval(days => $1)
ORDER BY begins_at

-- name: survey_month
-- scope: system. The campaigns of a month that still have their messages: how many there are, how many of them ended less than $3
-- days ago, and which are open. Open is what has a way to go, by its state, its batches or its books, and what an upload may still
-- add to or read from. Reads every campaign, once a month that is due.
SELECT count(*) AS campaigns, count(*) FILTER (WHERE NOT is_open AND is_young) AS young, count(*) FILTER (WHERE is_open) AS open,
       coalesce((array_agg(campaign_id::text ORDER BY campaign_id) FILTER (WHERE is_open))[:5], '{}') AS open_ids
FROM (
    SELECT c.campaign_id, coalesce(c.completed_at, c.created_at) > now() - make_interval(days => $3) AS is_young,
           c.state IN ('scheduled', 'sending', 'paused')
           OR c.state = 'canceled' AND c.completed_at IS NULL
           OR EXISTS (SELECT FROM upload u
                      WHERE u.tenant_id = c.tenant_id AND u.campaign_id = c.campaign_id AND u.state = 'open')
           OR EXISTS (SELECT FROM campaign r WHERE r.tenant_id = c.tenant_id AND r.retry_of = c.campaign_id AND r.state = 'draft')
           OR EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('pending', 'sending', 'unknown', 'dead'))
           OR (SELECT coalesce(sum(n), 0)
               FROM (SELECT n FROM counter
                     WHERE tenant_id = c.tenant_id AND campaign_id = c.campaign_id AND counter IN ('queued', 'unknown')
                     UNION ALL
                     SELECT n FROM counter_delta
                     WHERE tenant_id = c.tenant_id AND campaign_id = c.campaign_id AND counter IN ('queued', 'unknown')) books
              ) <> 0 AS is_open
    FROM campaign c WHERE c.campaign_id >= $1 AND c.campaign_id < $2 AND c.messages_dropped_at IS NULL
) surveyed

-- name: list_uncounted
-- scope: system. Those of them whose books were not held against their messages since the month may go, and since they ended.
SELECT c.tenant_id, c.campaign_id
FROM campaign c LEFT JOIN recount r ON r.tenant_id = c.tenant_id AND r.campaign_id = c.campaign_id
WHERE c.campaign_id >= $1 AND c.campaign_id < $2 AND c.messages_dropped_at IS NULL AND c.state <> 'draft'
  AND (r.recounted_at IS NULL OR r.recounted_at < greatest($3, c.completed_at))
ORDER BY c.campaign_id

-- name: lock_month
-- scope: system. Keeps everything that begins with a campaign's lock out of the month until the transaction ends.
SELECT count(*) FROM (SELECT FROM campaign WHERE campaign_id >= $1 AND campaign_id < $2 ORDER BY tenant_id, campaign_id FOR UPDATE) held

-- name: mark_month
-- scope: system. From here on the messages of a locked month count as gone.
UPDATE campaign SET messages_dropped_at = now() WHERE campaign_id >= $1 AND campaign_id < $2 AND messages_dropped_at IS NULL

-- name: purge_attempts
-- scope: system. At most $3 of a month whose messages count as gone: here and in the next four. Rides on attempt_campaign.
DELETE FROM attempt WHERE ctid = ANY(ARRAY(SELECT ctid FROM attempt WHERE campaign_id >= $1 AND campaign_id < $2 LIMIT $3))

-- name: purge_batches
-- scope: system. Behind the attempts, which refer to them. Rides on batch_ready.
DELETE FROM batch WHERE ctid = ANY(ARRAY(SELECT ctid FROM batch WHERE campaign_id >= $1 AND campaign_id < $2 LIMIT $3))

-- name: purge_chunks
-- scope: system. Behind the batches. Rides on chunk_range.
DELETE FROM chunk WHERE ctid = ANY(ARRAY(SELECT ctid FROM chunk WHERE campaign_id >= $1 AND campaign_id < $2 LIMIT $3))

-- name: purge_skipped
-- scope: system. Rides on the primary key, once a campaign.
DELETE FROM skipped WHERE ctid = ANY(ARRAY(
    SELECT s.ctid FROM campaign c JOIN skipped s ON s.tenant_id = c.tenant_id AND s.campaign_id = c.campaign_id
    WHERE c.campaign_id >= $1 AND c.campaign_id < $2 LIMIT $3))

-- name: purge_references
-- scope: system. Rides on the primary key, once a campaign.
DELETE FROM message_reference WHERE ctid = ANY(ARRAY(
    SELECT r.ctid FROM campaign c JOIN message_reference r ON r.tenant_id = c.tenant_id AND r.campaign_id = c.campaign_id
    WHERE c.campaign_id >= $1 AND c.campaign_id < $2 LIMIT $3))

-- name: drop_month
-- scope: system. The messages themselves and their numbers' index, at once; false when others were at work on them just now.
SELECT drop_message_partition($1)

-- name: are_messages_dropped
-- Whether a campaign of the tenant, a rolling one too, has its messages no longer.
SELECT EXISTS (SELECT FROM campaign WHERE tenant_id = $1 AND campaign_id = $2 AND messages_dropped_at IS NOT NULL)

-- name: drop_pages
-- scope: system. Of the $2 oldest pages of reports those that are applied and were received $1 days ago: here and in the next two
-- the oldest have the lowest numbers. Rides on the primary key.
DELETE FROM report_page WHERE page_id = ANY(ARRAY(
    SELECT page_id FROM (SELECT page_id, received_at, applied_at FROM report_page ORDER BY page_id LIMIT $2) oldest
    WHERE received_at < now() - make_interval(days => $1) AND applied_at IS NOT NULL))

-- name: drop_unmatched
-- scope: system. The same for reports that no message was found for, and that are not tried any more.
DELETE FROM parked_report WHERE parked_id = ANY(ARRAY(
    SELECT parked_id FROM (SELECT parked_id, received_at, next_try_at FROM parked_report ORDER BY parked_id LIMIT $2) oldest
    WHERE received_at < now() - make_interval(days => $1) AND next_try_at IS NULL))

-- name: drop_conflicts
-- scope: system. The same for finals that came second.
DELETE FROM report_conflict WHERE conflict_id = ANY(ARRAY(
    SELECT conflict_id FROM (SELECT conflict_id, recorded_at FROM report_conflict ORDER BY conflict_id LIMIT $2) oldest
    WHERE recorded_at < now() - make_interval(days => $1)))

-- name: drop_events
-- scope: system. At most $2 business events that were received $1 days ago. Rides on ingest_event_received.
DELETE FROM ingest_event WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ingest_event WHERE received_at < now() - make_interval(days => $1) ORDER BY received_at LIMIT $2))
