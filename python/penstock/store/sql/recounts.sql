-- name: list_to_recount
-- scope: system. Campaigns whose books are due to be checked, at most $2: those that ended since, and those that run and were not
-- checked for $1; those checked longest ago first. Probes the primary key of recount once a campaign.
SELECT c.tenant_id, c.campaign_id
FROM campaign c LEFT JOIN recount r ON r.tenant_id = c.tenant_id AND r.campaign_id = c.campaign_id
WHERE c.state NOT IN ('draft', 'scheduled')
  AND (r.recounted_at IS NULL OR r.recounted_at < c.completed_at
       OR c.completed_at IS NULL AND r.recounted_at < now() - $1::interval)
ORDER BY r.recounted_at NULLS FIRST, c.campaign_id LIMIT $2

-- name: list_everything
-- scope: system. A page of all campaigns behind one, in the order of the primary key.
SELECT tenant_id, campaign_id FROM campaign WHERE (tenant_id, campaign_id) > ($1, $2) ORDER BY tenant_id, campaign_id LIMIT $3

-- name: note_recount
-- Of two that check the same campaign at once, the second fails to serialize here, and its repair with it.
INSERT INTO recount (tenant_id, campaign_id) VALUES ($1, $2)
ON CONFLICT (tenant_id, campaign_id) DO UPDATE SET recounted_at = now()

-- name: keep_messages
-- Takes no snapshot. A partition is dropped from under a snapshot that is older: what was marked and dropped behind it would be
-- counted as none.
LOCK TABLE message IN ACCESS SHARE MODE

-- name: last_seq
-- The highest sequence number, -1 for a campaign without messages. Rides on the primary key, backwards.
SELECT coalesce(max(seq), -1) FROM message WHERE tenant_id = $1 AND campaign_id = $2

-- name: count_range
-- Messages by state, counted one by one from $3 to below $4. Rides on the primary key.
SELECT state::text AS counter, count(*) AS n FROM message
WHERE tenant_id = $1 AND campaign_id = $2 AND seq >= $3 AND seq < $4 GROUP BY state

-- name: count_skipped
-- Rows that did not become messages, by reason. Rides on the primary key.
SELECT reason, count(*) AS n FROM skipped WHERE tenant_id = $1 AND campaign_id = $2 GROUP BY reason

-- name: list_unbatched
-- Queued messages from $3 to below $4 that no living batch covers, at most $5, and whether a request may have carried each: any
-- but those that are proven not to have been accepted. The gaps between the batches are found by batch_ready, the messages in
-- them by a range of the primary key each. Rides on both, and on attempt_range for what it finds.
WITH live AS MATERIALIZED (
    SELECT first_seq, last_seq FROM batch
    WHERE campaign_id = $2 AND tenant_id = $1 AND state IN ('pending', 'sending', 'unknown', 'dead')
), gap AS MATERIALIZED (
    SELECT greatest($3, coalesce(max(last_seq) OVER before, -1) + 1) AS low, least($4, first_seq) AS high FROM live
    WINDOW before AS (ORDER BY first_seq, last_seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    UNION ALL
    SELECT greatest($3, coalesce(max(last_seq), -1) + 1), $4 FROM live
)
SELECT m.seq, EXISTS (
           SELECT FROM attempt a
           WHERE a.campaign_id = $2 AND a.tenant_id = $1 AND a.last_seq >= m.seq AND a.first_seq <= m.seq
             AND a.state NOT IN ('not_sent', 'throttled', 'held', 'split')) AS is_attempted
FROM (SELECT low, high FROM gap WHERE low < high ORDER BY low) g
JOIN message m ON m.tenant_id = $1 AND m.campaign_id = $2 AND m.seq >= g.low AND m.seq < g.high AND m.state = 'queued'
ORDER BY m.seq LIMIT $5

-- name: count_overlaps
-- Living batches that begin inside another one. Rides on batch_ready.
SELECT count(*) FROM (
    SELECT first_seq <= max(last_seq) OVER (ORDER BY first_seq, last_seq, batch_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
           AS is_inside
    FROM batch WHERE campaign_id = $2 AND tenant_id = $1 AND state IN ('pending', 'sending', 'unknown', 'dead')
) b WHERE is_inside

-- name: lock_unfinished
-- Whether a batch that is added now would be sent or swept: the campaign has not come to its end. Claims wait until the
-- transaction ends.
SELECT completed_at IS NULL AND state <> 'failed' FROM campaign WHERE tenant_id = $1 AND campaign_id = $2 FOR UPDATE

-- name: restore_batches
-- A batch for each run of these neighbouring messages within a chunk. Rides on chunk_range and the primary key of message.
INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments)
SELECT $1, $2, k.chunk_no, min(s.seq), max(s.seq), sum(m.segments)
FROM (SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run FROM unnest($3::int4[]) AS u(seq) OFFSET 0) s
JOIN message m ON m.tenant_id = $1 AND m.campaign_id = $2 AND m.seq = s.seq AND m.state = 'queued'
JOIN chunk k ON k.tenant_id = $1 AND k.campaign_id = $2 AND k.first_seq <= s.seq AND k.first_seq + k.messages > s.seq
GROUP BY k.chunk_no, s.run

-- name: list_stuck
-- scope: system. Sending campaigns, at most $2, of which something should move and nothing has for $1: no request began or ended, and
-- there is a batch that is due, on its way, in doubt or dead, or messages are open by the books that no batch covers. Those that
-- wait for a time or for reports are not among them. Rides on campaign_sending, then probes of attempt_campaign, batch_ready and
-- the primary key of counter.
SELECT c.tenant_id, c.campaign_id, coalesce(a.held_until > now(), false) AS is_held,
       EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state = 'pending' AND b.due_at <= now()) AS has_due,
       EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state = 'unknown') AS has_unknown,
       EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state = 'dead') AS has_dead
FROM campaign c
JOIN account a ON a.account_id = c.account_id
JOIN tenant t ON t.tenant_id = c.tenant_id AND t.deactivated_at IS NULL
WHERE c.state = 'sending' AND c.started_at < now() - $1::interval
  AND coalesce((SELECT greatest(l.started_at, l.closed_at) FROM attempt l
                WHERE l.campaign_id = c.campaign_id ORDER BY l.attempt_id DESC LIMIT 1), '-infinity') < now() - $1::interval
  AND (EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state = 'pending' AND b.due_at < now() - $1::interval)
       OR EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('sending', 'unknown', 'dead'))
       OR NOT EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state = 'pending')
          AND (SELECT coalesce(sum(n), 0) FROM counter k
               WHERE k.tenant_id = c.tenant_id AND k.campaign_id = c.campaign_id AND k.counter IN ('queued', 'unknown')) <> 0)
ORDER BY c.campaign_id LIMIT $2
