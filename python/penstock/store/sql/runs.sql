-- name: list_rolling_lanes
-- scope: system. Rolling campaigns with something due whose account is not held, with the segments of at most $2 due batches; at
-- most $1. Rides on campaign_rolling, then one probe of batch_ready a campaign.
SELECT c.tenant_id, c.campaign_id, c.account_id, due.segments, true AS is_rolling
FROM campaign c
JOIN account a ON a.account_id = c.account_id AND (a.held_until IS NULL OR a.held_until <= now())
JOIN tenant t ON t.tenant_id = c.tenant_id AND t.deactivated_at IS NULL
CROSS JOIN LATERAL (
    SELECT sum(next.segments)::int4 AS segments
    FROM (SELECT b.segments FROM batch b
          WHERE b.campaign_id = c.campaign_id AND b.state = 'pending' AND b.due_at <= now()
          ORDER BY b.due_at, b.first_seq LIMIT $2) next
) due
WHERE c.state = 'sending' AND c.is_rolling AND due.segments IS NOT NULL
ORDER BY c.campaign_id LIMIT $1

-- name: lock_due_batches
-- A rolling campaign's next due batches, at most $3, locked; those that others hold are passed over. Rides on batch_ready.
-- Whole: never tried, nothing left out, and alone in its chunk, so that it can be joined with its neighbours. The drift is that of
-- a batch that was given a time to wait for, and is tried for the first time.
-- The chunk is the first whose key is not below the batch's, and so its own. Asked for by equality, a planner whose statistics do
-- not know today's campaign yet takes it to have one chunk, and reads and drops all of the day's for each batch.
SELECT b.batch_id, b.chunk_no, b.first_seq, b.last_seq, b.segments, b.attempts, b.excluded,
       b.attempt_id IS NULL AND b.excluded IS NULL AND b.attempts = 0
           AND b.first_seq = k.first_seq AND b.last_seq = k.first_seq + k.messages - 1 AS is_whole,
       CASE WHEN b.attempt_id IS NULL AND b.attempts = 0 AND b.due_at > k.created_at
           THEN extract(epoch FROM now() - b.due_at)::float8 END AS drift_s
FROM (
    SELECT * FROM batch
    WHERE campaign_id = $2 AND tenant_id = $1 AND state = 'pending' AND due_at <= now()
    ORDER BY due_at, first_seq LIMIT $3 FOR UPDATE SKIP LOCKED
) b
CROSS JOIN LATERAL (
    SELECT first_seq, messages, created_at FROM chunk WHERE (tenant_id, campaign_id, chunk_no) >= ($1, $2, b.chunk_no)
    ORDER BY tenant_id, campaign_id, chunk_no LIMIT 1
) k
ORDER BY b.due_at, b.first_seq

-- name: list_chunks
-- In the order of their messages; found as above.
SELECT k.* FROM unnest($3::int4[]) AS g(chunk_no)
CROSS JOIN LATERAL (
    SELECT chunk_no, first_seq, messages, payload, opt_outs_at FROM chunk
    WHERE (tenant_id, campaign_id, chunk_no) >= ($1, $2, g.chunk_no) ORDER BY tenant_id, campaign_id, chunk_no LIMIT 1
) k
ORDER BY k.first_seq

-- name: fold_run
-- Neighbouring whole batches, locked, become one: the first keeps its chunk and takes the others' messages. It is indexed only
-- if all of them were, and its opt-outs are as old as the oldest of them.
WITH gone_batches AS (
    DELETE FROM batch WHERE batch_id = ANY($9::int8[])
), gone_chunks AS (
    DELETE FROM chunk WHERE tenant_id = $1 AND campaign_id = $2 AND chunk_no = ANY($10::int4[]) RETURNING is_indexed, opt_outs_at
), kept AS (
    UPDATE chunk SET payload = $4, messages = $5,
        is_indexed = is_indexed AND (SELECT bool_and(is_indexed) FROM gone_chunks),
        opt_outs_at = least(opt_outs_at, (SELECT min(opt_outs_at) FROM gone_chunks))
    WHERE tenant_id = $1 AND campaign_id = $2 AND chunk_no = $3
)
UPDATE batch SET last_seq = $7, segments = $8 WHERE batch_id = $6
