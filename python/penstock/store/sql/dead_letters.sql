-- name: list_dead_letters
-- scope: system. Batches that failed too often by themselves, with ids above $1, oldest first; of one tenant and one campaign where
-- they are given. Rides on batch_dead; `messages`, those that still wait, rides on the primary key of message.
SELECT b.batch_id, b.tenant_id, b.campaign_id, c.state::text AS campaign_state, b.first_seq, b.last_seq, b.state::text AS state,
       b.attempts AS failures, b.failure, b.failed_at,
       (SELECT count(*) FROM message m WHERE m.tenant_id = b.tenant_id AND m.campaign_id = b.campaign_id
          AND m.seq BETWEEN b.first_seq AND b.last_seq AND m.state = 'queued') AS messages
FROM batch b JOIN campaign c ON c.tenant_id = b.tenant_id AND c.campaign_id = b.campaign_id
WHERE b.state = 'dead' AND b.batch_id > $1 AND ($2::int4 IS NULL OR b.tenant_id = $2) AND ($3::uuid IS NULL OR b.campaign_id = $3)
ORDER BY b.batch_id LIMIT $4

-- name: lock_letter
-- scope: system. One batch, dead or not, kept from changing. The same columns; rides on the primary keys.
SELECT b.batch_id, b.tenant_id, b.campaign_id, c.state::text AS campaign_state, b.first_seq, b.last_seq, b.state::text AS state,
       b.attempts AS failures, b.failure, b.failed_at,
       (SELECT count(*) FROM message m WHERE m.tenant_id = b.tenant_id AND m.campaign_id = b.campaign_id
          AND m.seq BETWEEN b.first_seq AND b.last_seq AND m.state = 'queued') AS messages
FROM batch b JOIN campaign c ON c.tenant_id = b.tenant_id AND c.campaign_id = b.campaign_id
WHERE b.batch_id = $1 FOR UPDATE OF b

-- name: redrive_batches
-- scope: system. Dead batches get all their tries again, all or those of one tenant, one campaign, one id: what is given. Locked in
-- the order of their ids. Rides on batch_dead.
UPDATE batch SET state = 'pending', attempts = 0, due_at = now()
WHERE batch_id = ANY(ARRAY(
    SELECT batch_id FROM batch
    WHERE state = 'dead' AND ($1::int4 IS NULL OR tenant_id = $1) AND ($2::uuid IS NULL OR campaign_id = $2)
      AND ($3::int8 IS NULL OR batch_id = $3)
    ORDER BY batch_id FOR UPDATE))
