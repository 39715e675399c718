-- name: create_tenant
-- scope: system. The id; nothing when the name is taken.
INSERT INTO tenant (name, settings) VALUES ($1, $2::text::jsonb) ON CONFLICT (name) DO NOTHING RETURNING tenant_id

-- name: find_tenant
-- scope: system. By name.
SELECT tenant_id, name, created_at, deactivated_at, settings::text AS settings FROM tenant WHERE name = $1

-- name: get_tenant
SELECT tenant_id, name, created_at, deactivated_at, settings::text AS settings FROM tenant WHERE tenant_id = $1

-- name: list_tenants
-- scope: system. A page after an id; rides on the primary key.
SELECT tenant_id, name, created_at, deactivated_at, settings::text AS settings FROM tenant
WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2

-- name: change_settings
-- Merges the fields of $2 into the settings; a null takes a field away. What a newer release wrote beside them stays.
UPDATE tenant SET settings = jsonb_strip_nulls(settings || $2::text::jsonb) WHERE tenant_id = $1

-- name: deactivate_tenant
-- scope: system. Nothing when it is so already.
UPDATE tenant SET deactivated_at = now() WHERE tenant_id = $1 AND deactivated_at IS NULL RETURNING tenant_id

-- name: activate_tenant
-- scope: system. Nothing when it is so already.
UPDATE tenant SET deactivated_at = NULL WHERE tenant_id = $1 AND deactivated_at IS NOT NULL RETURNING tenant_id

-- name: is_active
SELECT EXISTS (SELECT FROM tenant WHERE tenant_id = $1 AND deactivated_at IS NULL)
