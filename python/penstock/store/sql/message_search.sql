-- name: find_by_number
-- Newest first, before ($3, $4); rides on the primary key backwards. A number of a draft that was emptied since may still be here.
SELECT campaign_id, seq FROM number_index
WHERE tenant_id = $1 AND msisdn = $2 AND (campaign_id, seq) < ($3, $4) ORDER BY campaign_id DESC, seq DESC LIMIT $5

-- name: find_by_reference
-- The same by the caller's reference; rides on message_reference_text backwards.
SELECT campaign_id, seq FROM message_reference
WHERE tenant_id = $1 AND reference = $2 AND (campaign_id, seq) < ($3, $4) ORDER BY campaign_id DESC, seq DESC LIMIT $5

-- name: list_found
-- These messages, in the order given. Rides on the primary key once a message; the chunk by chunk_range. A time to come is
-- looked for only while it can matter.
SELECT m.campaign_id, m.seq, m.msisdn, m.segments, m.state::text AS state, m.sent_at, m.final_at, m.report_closed_at, m.provider_id,
       m.error, c.is_rolling, c.sender, r.reference, k.created_at, k.chunk_first_seq, k.chunk_last_seq, b.due_at
FROM unnest($2::uuid[], $3::int4[]) WITH ORDINALITY AS w(campaign_id, seq, n)
CROSS JOIN LATERAL (
    SELECT * FROM message m WHERE m.tenant_id = $1 AND m.campaign_id = w.campaign_id AND m.seq = w.seq OFFSET 0
) m
JOIN campaign c ON c.tenant_id = $1 AND c.campaign_id = w.campaign_id
CROSS JOIN LATERAL (
    SELECT created_at, first_seq AS chunk_first_seq, first_seq + messages - 1 AS chunk_last_seq FROM chunk
    WHERE tenant_id = $1 AND campaign_id = w.campaign_id AND first_seq <= w.seq ORDER BY first_seq DESC LIMIT 1
) k
LEFT JOIN message_reference r ON r.tenant_id = $1 AND r.campaign_id = w.campaign_id AND r.seq = w.seq
LEFT JOIN LATERAL (
    SELECT due_at FROM batch
    WHERE m.state = 'queued' AND tenant_id = $1 AND campaign_id = w.campaign_id AND state = 'pending'
      AND w.seq BETWEEN first_seq AND last_seq
    LIMIT 1
) b ON true
ORDER BY w.n

-- name: indexed_until
-- Every message stored before this is found by its number. Rides on chunk_unindexed.
SELECT coalesce((SELECT created_at FROM chunk WHERE tenant_id = $1 AND NOT is_indexed ORDER BY created_at LIMIT 1), now())

-- name: list_attempts_of
-- The attempts whose request carried message $3, oldest first: they end in its chunk (its first message $4, its last $5), at
-- or behind it. Rides on attempt_range.
SELECT state::text AS state, started_at, closed_at, detail FROM attempt
WHERE tenant_id = $1 AND campaign_id = $2 AND last_seq BETWEEN $3 AND $5 AND first_seq <= $3
  AND (excluded IS NULL OR get_bit(excluded, $3::int4 - $4::int4) = 0)
ORDER BY started_at, attempt_id

-- name: list_conflicts_of
-- Finals that came second for a message. Rides on report_conflict_id.
SELECT status, error, recorded_at FROM report_conflict WHERE provider_id = $1 ORDER BY recorded_at, conflict_id

-- name: choose_unindexed
-- scope: system. The oldest chunks whose numbers cannot be looked up yet, at most $1 messages together, but one chunk at least.
-- Rides on chunk_unindexed.
SELECT tenant_id, campaign_id, chunk_no, first_seq, messages, created_at FROM (
    SELECT *, sum(messages) OVER oldest AS total, row_number() OVER oldest AS place
    FROM (SELECT tenant_id, campaign_id, chunk_no, first_seq, messages, created_at FROM chunk WHERE NOT is_indexed
          ORDER BY created_at LIMIT $1) chunks
    WINDOW oldest AS (ORDER BY created_at, tenant_id, campaign_id, chunk_no)
) counted
WHERE total <= $1 OR place = 1

-- name: index_numbers
-- scope: system. The numbers of these ranges, sorted, so that the index is written from left to right. Rides on the primary key
-- of message, once a range; joined as accept_messages is.
INSERT INTO number_index (tenant_id, msisdn, campaign_id, seq)
SELECT m.tenant_id, m.msisdn, m.campaign_id, m.seq
FROM (SELECT * FROM unnest($1::int4[], $2::uuid[], $3::int4[], $4::int4[]) AS g(tenant_id, campaign_id, first_seq, last_seq)
      OFFSET 0) g
JOIN message m ON m.tenant_id = g.tenant_id AND m.campaign_id = g.campaign_id AND m.seq BETWEEN g.first_seq AND g.last_seq
ORDER BY m.tenant_id, m.msisdn, m.campaign_id, m.seq
ON CONFLICT DO NOTHING

-- name: mark_indexed
-- scope: system. Unless the chunk is another by now: joined with its neighbours, or of another upload; one that a claim has is
-- passed over, so that neither waits for the other's other chunks. How many were marked.
WITH same AS MATERIALIZED (
    SELECT k.tenant_id, k.campaign_id, k.chunk_no
    FROM (SELECT * FROM unnest($1::int4[], $2::uuid[], $3::int4[], $4::int4[], $5::timestamptz[])
              AS g(tenant_id, campaign_id, chunk_no, messages, created_at) OFFSET 0) g
    JOIN chunk k ON k.tenant_id = g.tenant_id AND k.campaign_id = g.campaign_id AND k.chunk_no = g.chunk_no
                AND k.messages = g.messages AND k.created_at = g.created_at
    FOR UPDATE OF k SKIP LOCKED
)
UPDATE chunk k SET is_indexed = true FROM same
WHERE k.tenant_id = same.tenant_id AND k.campaign_id = same.campaign_id AND k.chunk_no = same.chunk_no
