-- name: schedule_campaign
-- The caller holds the row's lock and has checked the transition, here and in the next three.
UPDATE campaign SET state = 'scheduled', paused_at = NULL, pause_reason = NULL WHERE tenant_id = $1 AND campaign_id = $2

-- name: pause_campaign
-- Nothing is claimed once this is committed: the claim reads the state again, under a lock that waits for this one. The time is
-- that of the lock, not of the transaction's begin: every claim before the pause has begun before it.
UPDATE campaign SET state = 'paused', paused_at = clock_timestamp(), pause_reason = $3 WHERE tenant_id = $1 AND campaign_id = $2

-- name: resume_campaign
-- The line of a paced campaign moves by the time of the pause. The rule that may pause it judges from here on.
UPDATE campaign c
SET state = 'sending', paced_from = paced_from + (now() - paused_at), paused_at = NULL, pause_reason = NULL,
    auto_pause_base = CASE WHEN auto_pause IS NOT NULL THEN (
        SELECT jsonb_object_agg(counter, n) FROM (
            SELECT counter, sum(n) AS n
            FROM (SELECT counter, n FROM counter k WHERE k.tenant_id = $1 AND k.campaign_id = $2
                  UNION ALL
                  SELECT counter, n FROM counter_delta d WHERE d.tenant_id = $1 AND d.campaign_id = $2) books
            GROUP BY counter) sums) END
WHERE tenant_id = $1 AND campaign_id = $2

-- name: cancel_campaign
UPDATE campaign SET state = 'canceled' WHERE tenant_id = $1 AND campaign_id = $2

-- name: pace_batches
-- A paced campaign's waiting batches become due along its line, each with its first message; nothing for any other campaign.
-- Rides on batch_ready.
UPDATE batch b SET due_at = c.paced_from + make_interval(secs => c.pace_s::float8 * b.first_seq / c.next_seq)
FROM campaign c
WHERE c.tenant_id = $1 AND c.campaign_id = $2 AND c.paced_from IS NOT NULL AND c.pace_s IS NOT NULL
  AND b.tenant_id = c.tenant_id AND b.campaign_id = c.campaign_id AND b.state = 'pending'

-- name: list_scheduled
-- scope: system. Scheduled campaigns whose time has come, at most $1; those of a deactivated tenant wait, because their validity
-- would run from the start. Rides on campaign_scheduled.
SELECT c.tenant_id, c.campaign_id FROM campaign c
JOIN tenant t ON t.tenant_id = c.tenant_id AND t.deactivated_at IS NULL
WHERE c.state = 'scheduled' AND c.send_at <= now() ORDER BY c.send_at LIMIT $1

-- name: list_watched
-- scope: system. Sending campaigns with a rule that may pause them, with their folded books. Rides on campaign_sending and the
-- primary key of counter.
SELECT c.tenant_id, c.campaign_id, c.auto_pause, c.auto_pause_base, books.books
FROM campaign c
CROSS JOIN LATERAL (SELECT jsonb_object_agg(k.counter, k.n) AS books FROM counter k
                    WHERE k.tenant_id = c.tenant_id AND k.campaign_id = c.campaign_id) books
WHERE c.state = 'sending' AND c.auto_pause IS NOT NULL AND books.books IS NOT NULL

-- name: get_standing
-- What a campaign has sent and what it has not, in one snapshot: a settled attempt and its books are written together. Messages
-- of open attempts are queued by the books. Where validity has run out it reads every message of the campaign (rides on the
-- primary key), because `expired` is then also the state of what was never sent.
SELECT coalesce(books.queued, 0)::int8 AS queued, coalesce(books.unknown, 0)::int8 AS unknown,
       coalesce(books.sent, 0)::int8 AS accepted, coalesce(books.expired, 0)::int8 AS expired,
       coalesce(books.canceled, 0)::int8 AS canceled, coalesce(books.rejected, 0)::int8 AS rejected,
       (SELECT coalesce(sum(a.messages), 0) FROM attempt a
        WHERE a.tenant_id = $1 AND a.campaign_id = $2 AND a.state = 'open')::int8 AS in_flight,
       (CASE WHEN c.expires_at <= now() THEN (SELECT count(*) FROM message m
        WHERE m.tenant_id = $1 AND m.campaign_id = $2 AND m.state = 'expired' AND m.provider_id IS NULL) ELSE 0 END)::int8 AS expired_unsent
FROM campaign c
CROSS JOIN LATERAL (
    SELECT sum(n) FILTER (WHERE counter = 'queued') AS queued, sum(n) FILTER (WHERE counter = 'unknown') AS unknown,
           sum(n) FILTER (WHERE counter IN ('sent', 'delivered', 'undelivered')) AS sent,
           sum(n) FILTER (WHERE counter = 'expired') AS expired, sum(n) FILTER (WHERE counter = 'canceled') AS canceled,
           sum(n) FILTER (WHERE counter = 'rejected') AS rejected
    FROM (SELECT counter, n FROM counter WHERE tenant_id = $1 AND campaign_id = $2
          UNION ALL
          SELECT counter, n FROM counter_delta WHERE tenant_id = $1 AND campaign_id = $2) all_books
) books
WHERE c.tenant_id = $1 AND c.campaign_id = $2

-- name: list_unswept
-- scope: system. Canceled campaigns with batches that will not be sent; at most $1. Rides on campaign_canceled and batch_ready.
SELECT c.tenant_id, c.campaign_id FROM campaign c
WHERE c.state = 'canceled' AND c.completed_at IS NULL
  AND EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('pending', 'dead'))
ORDER BY c.campaign_id LIMIT $1

-- name: lock_unsent_batch
-- A batch of a canceled campaign that will not be sent. Rides on batch_ready; batches that others hold are passed over.
SELECT batch_id, first_seq, last_seq FROM batch
WHERE tenant_id = $1 AND campaign_id = $2 AND state IN ('pending', 'dead') LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: cancel_range
-- What is still queued of a range will not be sent. Joined as accept_messages is; rides on the primary key.
UPDATE message m SET state = 'canceled', final_at = now(), error = r.error
FROM (SELECT $1::int4 AS tenant_id, $2::uuid AS campaign_id, $3::int4 AS first_seq, $4::int4 AS last_seq,
             'queued'::message_state AS was, $5::text AS error OFFSET 0) r
WHERE m.tenant_id = r.tenant_id AND m.campaign_id = r.campaign_id AND m.seq BETWEEN r.first_seq AND r.last_seq AND m.state = r.was

-- name: drop_batch
-- A locked batch whose messages will not be sent.
UPDATE batch SET state = 'settled' WHERE batch_id = $1

-- name: finish_canceled
-- scope: system. Canceled campaigns of which nothing is queued, on its way or in doubt any more. Rides on campaign_canceled and
-- batch_ready.
UPDATE campaign c SET completed_at = now()
WHERE c.state = 'canceled' AND c.completed_at IS NULL AND NOT EXISTS (
    SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('pending', 'sending', 'unknown', 'dead'))
RETURNING c.campaign_id

-- name: requeue_dead
-- Batches that failed by themselves get all their tries again; their messages were queued all the while. Rides on batch_ready.
UPDATE batch SET state = 'pending', attempts = 0, due_at = now()
WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'dead' RETURNING last_seq - first_seq + 1 AS messages

-- name: get_waiting
-- What a campaign has left to send, in requests and segments, and how long its account is held. Rides on batch_ready.
SELECT count(b.batch_id) AS requests, coalesce(sum(b.segments), 0)::int8 AS segments,
       (SELECT a.held_until FROM account a WHERE a.account_id = $3) AS held_until
FROM batch b WHERE b.tenant_id = $1 AND b.campaign_id = $2 AND b.state = 'pending'
