-- name: create_key
INSERT INTO api_key (tenant_id, key_hash, prefix, label, scopes, expires_at, lifetime)
VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $6 - now()) RETURNING key_id

-- name: list_keys
-- A page after an id, revoked ones too.
SELECT key_id, prefix, label, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_key
WHERE tenant_id = $1 AND key_id > $2 ORDER BY key_id LIMIT $3

-- name: get_key
SELECT key_id, prefix, label, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_key
WHERE tenant_id = $1 AND key_id = $2

-- name: lock_key
-- A key that is to be replaced: whether it still opens anything, and until when one made now for as long would.
SELECT label, scopes, revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS is_live, now() + lifetime AS renewed_until
FROM api_key WHERE tenant_id = $1 AND key_id = $2 FOR NO KEY UPDATE

-- name: expire_key
-- Never later than before.
UPDATE api_key SET expires_at = least(expires_at, now() + $3::interval) WHERE tenant_id = $1 AND key_id = $2

-- name: revoke_key
-- Nothing when the key is another tenant's or already revoked.
UPDATE api_key SET revoked_at = now() WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL RETURNING key_id

-- name: find_key_owner
-- scope: system. The tenant of a live key, through the one door that is open to strangers; rides on the unique index of key_hash.
SELECT tenant_id, key_id, scopes, settings::text AS settings, expires_in_s, is_use_unrecorded FROM find_key_owner($1)

-- name: record_key_use
UPDATE api_key SET last_used_at = now() WHERE tenant_id = $1 AND key_id = $2
