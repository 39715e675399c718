-- name: list_zone_groups
-- What a campaign has left to send, by zone group, by the database's clock. Rides on batch_ready.
SELECT zone_group, count(*) AS requests, sum(segments)::int8 AS segments, now() AS now
FROM batch WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'pending' AND zone_group IS NOT NULL
GROUP BY zone_group ORDER BY zone_group

-- name: delay_zone_group
-- All that a campaign would send to a zone group before $4 is due then, in one statement: left to the claim, each batch would cost
-- a permit to learn the same. Batches that others hold are passed over: they learn it by themselves. Rides on batch_ready.
WITH early AS MATERIALIZED (
    SELECT batch_id FROM batch
    WHERE campaign_id = $2 AND tenant_id = $1 AND state = 'pending' AND due_at < $4 AND zone_group = $3
    FOR UPDATE SKIP LOCKED
)
UPDATE batch b SET due_at = $4 FROM early WHERE b.batch_id = early.batch_id

-- name: list_ranges
-- Which messages belong to which zone group, whatever has become of them. Rides on batch_ready.
SELECT zone_group, first_seq, last_seq FROM batch
WHERE tenant_id = $1 AND campaign_id = $2 AND zone_group IS NOT NULL ORDER BY first_seq

-- name: list_numbers
-- The numbers of a range of messages. Rides on the primary key.
SELECT msisdn FROM message WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4

-- name: set_zone_group
-- Of a locked batch.
UPDATE batch SET zone_group = $2 WHERE batch_id = $1
