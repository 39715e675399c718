-- name: list_unknown_attempts
-- scope: system. Attempts whose outcome is not known, after an id, at most $2. Rides on attempt_unknown.
SELECT attempt_id, started_at, greatest(closed_at, lease_until) AS ended_at, closed_at, hints IS NOT NULL AS has_hints
FROM attempt WHERE state = 'unknown' AND attempt_id > $1 ORDER BY attempt_id LIMIT $2

-- name: find_suspects
-- scope: system. Messages with an unknown outcome to these numbers, in attempts that were on their way at an instant, give or take
-- $3, with all that is needed to render them again. Rides on attempt_unknown, then on the primary keys of number_index and message;
-- each OFFSET 0 keeps a planner without statistics from going through all attempts, or all messages, of each campaign instead.
SELECT a.attempt_id, a.campaign_id, a.seq, a.number, c.text, c.sender, a.account_id, a.codec, k.payload
FROM (SELECT open.*, n.seq, n.msisdn AS number
      FROM (SELECT * FROM attempt
            WHERE state = 'unknown' AND $2 BETWEEN started_at - $3::interval AND greatest(closed_at, lease_until) + $3::interval
            OFFSET 0) open
      JOIN number_index n ON n.tenant_id = open.tenant_id AND n.msisdn = ANY($1::int8[]) AND n.campaign_id = open.campaign_id
                         AND n.seq BETWEEN open.first_seq AND open.last_seq
      OFFSET 0) a
JOIN message m ON m.tenant_id = a.tenant_id AND m.campaign_id = a.campaign_id AND m.seq = a.seq AND m.state = 'unknown'
JOIN campaign c ON c.tenant_id = a.tenant_id AND c.campaign_id = a.campaign_id
JOIN batch b ON b.batch_id = a.batch_id
JOIN chunk k ON k.tenant_id = b.tenant_id AND k.campaign_id = b.campaign_id AND k.chunk_no = b.chunk_no
LIMIT 20

-- name: find_named_suspect
-- scope: system. The same for one message by its name. Rides on attempt_range and the primary key of message.
SELECT a.attempt_id, a.campaign_id, m.seq, m.msisdn AS number, c.text, c.sender, a.account_id, a.codec, k.payload
FROM attempt a
JOIN message m ON m.tenant_id = a.tenant_id AND m.campaign_id = a.campaign_id AND m.seq = $2 AND m.state = 'unknown'
JOIN campaign c ON c.tenant_id = a.tenant_id AND c.campaign_id = a.campaign_id
JOIN batch b ON b.batch_id = a.batch_id
JOIN chunk k ON k.tenant_id = b.tenant_id AND k.campaign_id = b.campaign_id AND k.chunk_no = b.chunk_no
WHERE a.campaign_id = $1 AND a.last_seq >= $2 AND a.first_seq <= $2 AND a.state = 'unknown'

-- name: is_number_unindexed
-- scope: system. Whether numbers of an attempt that was on its way at an instant cannot be looked up yet. Rides on attempt_unknown.
SELECT EXISTS (
    SELECT FROM attempt a
    JOIN batch b ON b.batch_id = a.batch_id
    JOIN chunk k ON k.tenant_id = b.tenant_id AND k.campaign_id = b.campaign_id AND k.chunk_no = b.chunk_no AND NOT k.is_indexed
    WHERE a.state = 'unknown' AND $1 BETWEEN a.started_at - $2::interval AND greatest(a.closed_at, a.lease_until) + $2::interval)

-- name: has_unknown
-- Whether a message of the range is still unknown. Rides on the primary key.
SELECT EXISTS (SELECT FROM message WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4 AND state = 'unknown')

-- name: list_left_out
-- What of the range is not to be sent, because it is not queued. Rides on the primary key.
SELECT seq FROM message WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4 AND state <> 'queued'

-- name: leave_out
-- The batch of attempt $1 leaves these out from now on; its segments are those of the others. Rides on the primary key of message.
UPDATE batch b SET excluded = $2, segments = greatest(1, (
    SELECT coalesce(sum(m.segments), 0) FROM message m
    WHERE m.tenant_id = b.tenant_id AND m.campaign_id = b.campaign_id AND m.seq BETWEEN b.first_seq AND b.last_seq
      AND m.state = 'queued'))
WHERE b.attempt_id = $1

-- name: chunk_messages
-- scope: system. How many messages the chunk of an attempt's batch has.
SELECT k.messages FROM attempt a JOIN batch b ON b.batch_id = a.batch_id
JOIN chunk k ON k.tenant_id = b.tenant_id AND k.campaign_id = b.campaign_id AND k.chunk_no = b.chunk_no
WHERE a.attempt_id = $1

-- name: hasten_reports
-- scope: system. Their message is known now: the parked reports of these ids apply at the next look. Rides on parked_report_id.
UPDATE parked_report SET next_try_at = now() WHERE provider_id = ANY($1::text[])

-- name: settle_rest
-- What is still unknown of the range was sent, refused or not sent, by somebody's word. Joined as accept_messages is; rides on the
-- primary key.
UPDATE message m SET state = r.becomes, error = r.error,
    sent_at = CASE WHEN r.becomes = 'sent' THEN now() END, final_at = CASE WHEN r.becomes = 'rejected' THEN now() END
FROM (SELECT $1::int4 AS tenant_id, $2::uuid AS campaign_id, $3::int4 AS first_seq, $4::int4 AS last_seq,
             $5::message_state AS becomes, $6::text AS error, 'unknown'::message_state AS was OFFSET 0) r
WHERE m.tenant_id = r.tenant_id AND m.campaign_id = r.campaign_id AND m.seq BETWEEN r.first_seq AND r.last_seq AND m.state = r.was

-- name: find_batch
-- scope: system. A batch by its id, with its last attempt, and until when that one's process may still send what it holds.
SELECT b.batch_id, b.state::text AS state, b.attempt_id,
       (SELECT a.lease_until FROM attempt a WHERE a.attempt_id = b.attempt_id AND a.lease_until > now()) AS leased_until
FROM batch b WHERE b.batch_id = $1

-- name: list_unknown_batches
-- scope: system. Batches whose outcome is not known, after an id; at most $2. Rides on batch_unknown, and for each on the primary
-- key of message.
SELECT b.batch_id, b.tenant_id, b.campaign_id, b.state::text AS state, a.account_id, a.messages, a.detail AS reason, a.mapping,
       a.started_at, a.closed_at AS since,
       (SELECT count(*) FROM message m WHERE m.tenant_id = b.tenant_id AND m.campaign_id = b.campaign_id
        AND m.seq BETWEEN b.first_seq AND b.last_seq AND m.state = 'unknown') AS unknown
FROM batch b JOIN attempt a ON a.attempt_id = b.attempt_id
WHERE b.state = 'unknown' AND b.batch_id > $1 ORDER BY b.batch_id LIMIT $2

-- name: list_contradicted_batches
-- scope: system. The same for batches whose answer was found to be in another order than its request. Rides on attempt_contradicted.
SELECT b.batch_id, b.tenant_id, b.campaign_id, b.state::text AS state, a.account_id, a.messages, a.detail AS reason, a.mapping,
       a.started_at, a.closed_at AS since, 0::int8 AS unknown
FROM attempt a JOIN batch b ON b.batch_id = a.batch_id
WHERE a.mapping = 'contradicted' AND a.batch_id > $1 ORDER BY a.batch_id LIMIT $2

-- name: list_resendable
-- scope: system. Unknown attempts of campaigns that want what is unknown to be sent once more, and whose time has come since they
-- were given up and their lease was over; never one of messages that were given up like this before. At most $1. Rides on attempt_unknown and attempt_range.
SELECT a.attempt_id, a.started_at, greatest(a.closed_at, a.lease_until) AS ended_at, a.closed_at, a.hints IS NOT NULL AS has_hints
FROM attempt a JOIN campaign c ON c.tenant_id = a.tenant_id AND c.campaign_id = a.campaign_id
WHERE a.state = 'unknown' AND c.state = 'sending' AND greatest(a.closed_at, a.lease_until) < now() - make_interval(secs => c.resend_unknown_after_s)
  AND NOT EXISTS (SELECT FROM attempt e WHERE e.campaign_id = a.campaign_id AND e.last_seq >= a.first_seq
                  AND e.first_seq <= a.last_seq AND e.state = 'resent')
ORDER BY a.attempt_id LIMIT $1

-- name: count_unknown
-- scope: system. Messages whose outcome is not known, by the books of the campaigns that have any. Rides on batch_unknown, then on
-- the primary key of counter and on counter_delta_campaign.
SELECT coalesce(sum(books.n), 0)::int8
FROM (SELECT DISTINCT tenant_id, campaign_id FROM batch WHERE state = 'unknown') u
CROSS JOIN LATERAL (
    SELECT n FROM counter k WHERE k.tenant_id = u.tenant_id AND k.campaign_id = u.campaign_id AND k.counter = 'unknown'
    UNION ALL
    SELECT n FROM counter_delta d WHERE d.campaign_id = u.campaign_id AND d.tenant_id = u.tenant_id AND d.counter = 'unknown'
) books
