-- name: create_tenant
-- scope: system. The id; nothing when the name is taken.
INSERT INTO tenant (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING tenant_id

-- name: find_tenant
-- scope: system. By name.
SELECT tenant_id, name, created_at FROM tenant WHERE name = $1

-- name: list_tenants
-- scope: system
SELECT tenant_id, name, created_at FROM tenant ORDER BY tenant_id

-- name: create_key
INSERT INTO api_key (tenant_id, key_hash, prefix, label) VALUES ($1, $2, $3, $4) RETURNING key_id

-- name: list_keys
SELECT key_id, prefix, label, created_at, revoked_at FROM api_key WHERE tenant_id = $1 ORDER BY key_id

-- name: revoke_key
-- Nothing when the key is another tenant's or already revoked.
UPDATE api_key SET revoked_at = now() WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL RETURNING key_id

-- name: find_key_owner
-- scope: system. The tenant of a live key; rides on the unique index of key_hash.
SELECT t.tenant_id, k.key_id, k.scopes, t.settings::text AS settings,
       coalesce(k.last_used_at < now() - interval '1 minute', true) AS is_use_unrecorded
FROM api_key k JOIN tenant t USING (tenant_id)
WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.deactivated_at IS NULL

-- name: record_key_use
-- scope: system
UPDATE api_key SET last_used_at = now() WHERE key_id = $1
