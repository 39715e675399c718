-- name: queue_reports
-- scope: system. Ids of parked reports between two ids become questions: those that waited for their message for $3, and of which
-- nothing was asked since $4 (when their attempt was given up). At most $5. Rides on parked_report_id and look_up_once. By the clock,
-- not by the beginning of this transaction: what others parked since then counts as well.
INSERT INTO look_up (kind, provider_id, due_at)
SELECT DISTINCT 'unknown'::look_up_kind, p.provider_id, now() FROM parked_report p
WHERE p.provider_id >= $1 AND p.provider_id < $2 AND p.received_at < clock_timestamp() - $3::interval
  AND NOT EXISTS (SELECT FROM look_up l WHERE l.provider_id = p.provider_id AND l.kind = 'unknown'
                  AND (l.due_at IS NOT NULL OR l.answered_at >= $4))
LIMIT $5
ON CONFLICT (provider_id, kind) DO UPDATE SET due_at = now(), tries = 0, result = NULL, answered_at = NULL

-- name: queue_hints
-- scope: system. The same for ids that could be read in the answer to an attempt; nobody else gave them out since.
INSERT INTO look_up (kind, provider_id, attempt_id, due_at)
SELECT DISTINCT 'unknown'::look_up_kind, h.provider_id, a.attempt_id, a.closed_at + $2::interval
FROM attempt a CROSS JOIN LATERAL unnest(a.hints) AS h(provider_id)
WHERE a.attempt_id = $1 AND NOT EXISTS (
    SELECT FROM look_up l WHERE l.provider_id = h.provider_id AND l.kind = 'unknown'
    AND (l.due_at IS NOT NULL OR l.answered_at >= a.closed_at))
LIMIT $3
ON CONFLICT (provider_id, kind) DO UPDATE
SET attempt_id = excluded.attempt_id, due_at = now(), tries = 0, result = NULL, answered_at = NULL

-- name: queue_messages
-- scope: system. Questions about messages of an attempt, after a while; once an id and kind.
INSERT INTO look_up (kind, provider_id, attempt_id, seq, due_at)
SELECT $1::look_up_kind, q.provider_id, $2, q.seq, now() + $5::interval
FROM unnest($3::text[], $4::int4[]) AS q(provider_id, seq)
ON CONFLICT (provider_id, kind) DO NOTHING

-- name: take_due
-- scope: system. The most urgent questions, at most $1; one process at a time asks. Rides on look_up_due.
SELECT look_up_id, kind::text AS kind, provider_id, attempt_id, seq, tries FROM look_up
WHERE due_at <= now() ORDER BY kind, due_at LIMIT $1

-- name: answer
-- scope: system. It is asked no more.
UPDATE look_up SET due_at = NULL, result = $2, answered_at = now(), tries = tries + 1 WHERE look_up_id = $1

-- name: postpone
-- scope: system. It is asked again later.
UPDATE look_up SET due_at = now() + $2::interval, tries = tries + 1 WHERE look_up_id = $1

-- name: drop_waiting
-- scope: system. Questions of a kind about these attempts that need no answer any more. Rides on look_up_due.
DELETE FROM look_up WHERE kind = $1 AND due_at IS NOT NULL AND attempt_id = ANY($2::uuid[])

-- name: drop_answered
-- scope: system. Answers go when reports about their messages are awaited no longer; at most $2. Rides on look_up_answered.
DELETE FROM look_up WHERE look_up_id = ANY(ARRAY(
    SELECT look_up_id FROM look_up WHERE due_at IS NULL AND answered_at < now() - $1::interval ORDER BY answered_at LIMIT $2))

-- name: count_waiting
-- scope: system. Questions by kind, for the metrics. Rides on look_up_due.
SELECT kind::text AS kind, count(*) AS n FROM look_up WHERE due_at IS NOT NULL GROUP BY kind

-- name: is_evidence_waiting
-- scope: system. Whether a question is open that may speak of an attempt: an id from its time, or one of its own hints. Rides on
-- look_up_once.
SELECT EXISTS (SELECT FROM look_up WHERE provider_id >= $1 AND provider_id < $2 AND kind = 'unknown' AND due_at IS NOT NULL)
    OR EXISTS (SELECT FROM attempt a CROSS JOIN LATERAL unnest(a.hints) AS h(provider_id)
               JOIN look_up l ON l.provider_id = h.provider_id AND l.kind = 'unknown' AND l.due_at IS NOT NULL
               WHERE a.attempt_id = $3)

-- name: are_reports_waiting
-- scope: system. Whether reports are not applied that came before it was time to send an attempt once more. Rides on the primary
-- keys of attempt and campaign, and on report_page_open.
SELECT EXISTS (SELECT FROM attempt a
               JOIN campaign c ON c.tenant_id = a.tenant_id AND c.campaign_id = a.campaign_id
               JOIN report_page p ON p.applied_at IS NULL
                AND p.received_at < greatest(a.closed_at, a.lease_until) + make_interval(secs => c.resend_unknown_after_s)
               WHERE a.attempt_id = $1)
