-- name: find_retry
-- The campaign that tries again what another did not send. Rides on campaign_retry.
SELECT campaign_id FROM campaign WHERE tenant_id = $1 AND retry_of = $2

-- name: next_chunk
-- The chunk after a number, without its payload; rides on the primary key.
SELECT chunk_no, first_seq, messages FROM chunk
WHERE tenant_id = $1 AND campaign_id = $2 AND chunk_no > $3 ORDER BY chunk_no LIMIT 1

-- name: read_payload
SELECT payload FROM chunk WHERE tenant_id = $1 AND campaign_id = $2 AND chunk_no = $3

-- name: list_unsent
-- Messages of a range that are final and were never accepted: the provider gave them no id. Rides on the primary key.
SELECT seq FROM message
WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4
  AND state IN ('expired', 'rejected', 'canceled') AND provider_id IS NULL
ORDER BY seq

-- name: has_unsent
-- The same for the whole campaign; rides on the primary key, and reads past the others.
SELECT EXISTS (SELECT FROM message WHERE tenant_id = $1 AND campaign_id = $2
               AND state IN ('expired', 'rejected', 'canceled') AND provider_id IS NULL)
