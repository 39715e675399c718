-- name: list_unsampled
-- scope: system. Accepted attempts of several messages whose order is not proven, the newest first, none older than $1; at most $2.
-- Rides on attempt_unsampled.
SELECT a.attempt_id, a.tenant_id, a.campaign_id, a.batch_id, a.account_id, a.first_seq, a.last_seq, a.messages, a.excluded,
       c.first_seq AS chunk_first_seq
FROM (SELECT * FROM attempt WHERE state = 'accepted' AND mapping IS NULL AND messages > 1 AND closed_at > now() - $1::interval
      ORDER BY closed_at DESC LIMIT $2) a
JOIN batch b ON b.batch_id = a.batch_id
JOIN chunk c ON c.tenant_id = b.tenant_id AND c.campaign_id = b.campaign_id AND c.chunk_no = b.chunk_no

-- name: list_ids
-- The provider's ids of these messages, NULL where there is none. Rides on the primary key: asked for those that have an id, the
-- planner, which saw the index of the ids when it was empty, reads all of it (44 ms at 300,000 messages).
SELECT seq, provider_id FROM message WHERE tenant_id = $1 AND campaign_id = $2 AND seq = ANY($3::int4[]) ORDER BY seq

-- name: note_mapping
-- scope: system. What is known of the order of these attempts, locked in order. A contradiction is never taken back, and what shows
-- nothing takes nothing back. Returns those for which it is news.
UPDATE attempt a SET mapping = $2
FROM (SELECT attempt_id FROM attempt WHERE attempt_id = ANY($1::uuid[]) ORDER BY attempt_id FOR NO KEY UPDATE) locked
WHERE a.attempt_id = locked.attempt_id AND a.mapping IS DISTINCT FROM 'contradicted' AND a.mapping IS DISTINCT FROM $2
  AND ($2 NOT IN ('sampled', 'unproven') OR a.mapping IS DISTINCT FROM 'confirmed')
RETURNING a.attempt_id

-- name: find_sample
-- scope: system. Whom a message of an attempt went to, and what the provider calls it. Rides on the primary key.
SELECT a.attempt_id, a.batch_id, a.account_id, a.campaign_id, a.has_references, a.mapping, m.msisdn AS number, m.provider_id
FROM attempt a JOIN message m ON m.tenant_id = a.tenant_id AND m.campaign_id = a.campaign_id AND m.seq = $2
WHERE a.attempt_id = $1

-- name: find_named
-- scope: system. The same for the messages of these ids, of each the accepted attempt of several that it lies in. Rides on the
-- provider_id index of each partition, then on attempt_range: an attempt ends less than the largest batch behind its messages.
SELECT a.attempt_id, a.batch_id, a.account_id, a.campaign_id, a.has_references, a.mapping, m.msisdn AS number, m.provider_id
FROM unnest($1::text[]) AS r(provider_id) JOIN message m ON m.provider_id = r.provider_id
CROSS JOIN LATERAL (
    SELECT * FROM attempt
    WHERE campaign_id = m.campaign_id AND last_seq BETWEEN m.seq AND m.seq + 50000 AND first_seq <= m.seq AND state = 'accepted'
    ORDER BY last_seq LIMIT 1
) a
WHERE a.messages > 1

-- name: list_numbers
-- scope: system. Which of these numbers the request of an attempt went to. Rides on the primary key.
SELECT m.msisdn AS number FROM attempt a
JOIN message m ON m.tenant_id = a.tenant_id AND m.campaign_id = a.campaign_id AND m.seq BETWEEN a.first_seq AND a.last_seq
WHERE a.attempt_id = $1 AND m.msisdn = ANY($2::int8[])

-- name: list_unasked
-- scope: system. Attempts that were answered longer ago than $1, the oldest first, at most $2. Rides on attempt_unasked.
SELECT attempt_id, tenant_id, campaign_id, first_seq, last_seq FROM attempt
WHERE state IN ('accepted', 'unknown') AND NOT is_asked AND closed_at < now() - $1::interval ORDER BY closed_at LIMIT $2

-- name: list_silent
-- The messages of a range that were sent, got no report, and are still awaited. Rides on the primary key, asked as list_ids is.
SELECT seq, provider_id FROM message
WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4 AND state = 'sent' AND report_closed_at IS NULL
ORDER BY seq

-- name: mark_asked
-- scope: system
UPDATE attempt SET is_asked = true WHERE attempt_id = $1

-- name: count_unasked
-- scope: system. At most so many messages are still to be asked about: those of the attempts whose time has come. Rides on
-- attempt_unasked.
SELECT coalesce(sum(messages), 0)::int8 FROM attempt
WHERE state IN ('accepted', 'unknown') AND NOT is_asked AND closed_at < now() - $1::interval
