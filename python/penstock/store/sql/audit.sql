-- name: record_act
-- In the transaction of the act. Nothing is returned: callers may write here and not read.
INSERT INTO audit (actor, action, tenant_id, subject, detail) VALUES ($1, $2, $3, $4, $5::text::jsonb)

-- name: list_acts
-- scope: system. A page before an id, newest first, of one tenant and one action where they are given. Rides on the primary key
-- or on audit_tenant.
SELECT audit_id, at, actor, action, tenant_id, subject, detail::text AS detail FROM audit
WHERE audit_id < $1 AND ($2::int4 IS NULL OR tenant_id = $2) AND ($3::text IS NULL OR action = $3)
ORDER BY audit_id DESC LIMIT $4
