-- name: claim_key
-- First of all in the transaction of the effect; nothing when the key is taken. A parallel holder is waited for (lock_timeout).
INSERT INTO idempotency_key (tenant_id, route, key, variant, fingerprint, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval)
ON CONFLICT (tenant_id, route, key, variant) DO UPDATE
SET fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL, expires_at = excluded.expires_at
WHERE idempotency_key.expires_at <= now()
RETURNING true

-- name: store_answer
-- Last of all in the same transaction; of several, one by one: joined with a list of keys, the planner without statistics reads
-- all that the tenant has.
UPDATE idempotency_key SET status = $5, headers = $6::text::jsonb, body = $7
WHERE tenant_id = $1 AND route = $2 AND key = $3 AND variant = $4

-- name: find_answer
-- What was answered before.
SELECT fingerprint, status, headers::text AS headers, body FROM idempotency_key
WHERE tenant_id = $1 AND route = $2 AND key = $3 AND variant = $4 AND status IS NOT NULL

-- name: drop_expired_keys
-- scope: system. At most $1 of those whose time is over; rides on idempotency_key_expiry.
WITH old AS MATERIALIZED (
    SELECT tenant_id, route, key, variant FROM idempotency_key WHERE expires_at <= now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency_key k USING old
WHERE k.tenant_id = old.tenant_id AND k.route = old.route AND k.key = old.key AND k.variant = old.variant

-- name: claim_keys
-- The same for several requests of one tenant at once, in the order of the key so that two transactions never wait for each
-- other; those that are taken are not returned.
INSERT INTO idempotency_key (tenant_id, route, key, variant, fingerprint, expires_at)
SELECT $1, g.route, g.key, g.variant, g.fingerprint, now() + $6::interval
FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS g(route, key, variant, fingerprint)
ORDER BY g.route, g.key COLLATE "C", g.variant
ON CONFLICT (tenant_id, route, key, variant) DO UPDATE
SET fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL, expires_at = excluded.expires_at
WHERE idempotency_key.expires_at <= now()
RETURNING route, key, variant
