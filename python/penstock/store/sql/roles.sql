-- name: ensure_role
-- Makes the role, and this login a member of it. Roles belong to the whole server: another database may do the same at this
-- moment, and whoever comes second finds it done. Fails with insufficient_privilege where the login may not make roles.
DO $$
BEGIN
    BEGIN
        IF to_regrole('penstock_api') IS NULL THEN
            CREATE ROLE penstock_api NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
    END;
    BEGIN
        GRANT penstock_api TO CURRENT_USER;
    EXCEPTION WHEN unique_violation OR internal_error THEN  -- "tuple concurrently updated" has no code of its own
    END;
END $$

-- name: become_role
-- For one transaction: fails where there is no such role, or where this login is no member of it.
SET LOCAL ROLE penstock_api

-- name: protect_tables
-- Every table with a tenant_id shows its tenant's rows only; without a tenant, none. The owner, as whom the stages work, is not
-- subject to it (COPY refuses to work under it). Only what is missing is made, because each of these waits for all users of the
-- table. Partitions are not named: they are reached through their parent alone, nothing is granted on them. The policy of
-- report_conflict rides on the provider_id index of each.
DO $$
DECLARE
    unprotected regclass;
BEGIN
    FOR unprotected IN
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_tenant'))
        ORDER BY c.oid
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', unprotected);
        EXECUTE format('DROP POLICY IF EXISTS own_tenant ON %s', unprotected);
        EXECUTE format($policy$
            CREATE POLICY own_tenant ON %s TO penstock_api
            USING (tenant_id = nullif(current_setting('penstock.tenant_id', true), '')::int4)
        $policy$, unprotected);
    END LOOP;
    -- Has no tenant of its own: what is told of a message is for those who see the message, which is itself under a policy.
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = 'report_conflict'::regclass AND polname = 'own_messages') THEN
        ALTER TABLE report_conflict ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_messages ON report_conflict FOR SELECT TO penstock_api
            USING (EXISTS (SELECT FROM message m WHERE m.provider_id = report_conflict.provider_id));
    END IF;
END $$

-- name: grant_needed
-- What callers' requests need, and no more: a table that is not named here does not exist for them. Only what is missing is
-- granted. To take a privilege back, a later release needs a migration.
DO $$
DECLARE
    needed record;
BEGIN
    FOR needed IN
        SELECT named.relation, lower(privilege) AS privilege, named.columns
        FROM (VALUES
            ('tenant', '{SELECT}'::text[], NULL::text[]),
            ('tenant', '{UPDATE}', '{settings}'),
            ('api_key', '{SELECT}',
             '{key_id, tenant_id, prefix, label, scopes, created_at, expires_at, lifetime, last_used_at, revoked_at}'),
            ('api_key', '{INSERT}', '{tenant_id, key_hash, prefix, label, scopes, expires_at, lifetime}'),
            ('api_key', '{UPDATE}', '{expires_at, last_used_at, revoked_at}'),
            ('account', '{SELECT}', '{account_id, held_until}'),
            ('account', '{INSERT}', '{account_id}'),
            ('audit', '{INSERT}', '{actor, action, tenant_id, subject, detail}'),
            ('campaign', '{SELECT, INSERT, UPDATE}', NULL),
            ('upload', '{SELECT, INSERT, UPDATE, DELETE}', NULL),
            ('chunk', '{SELECT, INSERT, DELETE}', NULL),
            ('batch', '{SELECT, INSERT, UPDATE, DELETE}', NULL),
            ('message', '{SELECT, INSERT, UPDATE, DELETE}', NULL),
            ('skipped', '{SELECT, DELETE}', NULL),
            ('attempt', '{SELECT}', NULL),
            ('counter', '{SELECT, DELETE}', NULL),
            ('counter_delta', '{SELECT, INSERT, DELETE}', NULL),
            ('report_conflict', '{SELECT}', NULL),
            ('opt_out', '{SELECT, INSERT, DELETE}', NULL),
            ('rolling_campaign', '{SELECT, INSERT, UPDATE}', NULL),
            ('message_reference', '{SELECT, INSERT}', NULL),
            ('number_index', '{SELECT}', NULL),
            ('idempotency_key', '{SELECT, INSERT, UPDATE}', NULL),
            ('ingest_source', '{SELECT, INSERT, UPDATE, DELETE}', NULL),
            ('ingest_event', '{SELECT, INSERT, UPDATE}', NULL)
        ) AS named (relation, privileges, columns), unnest(named.privileges) AS privilege
    LOOP
        IF needed.columns IS NULL THEN
            CONTINUE WHEN has_table_privilege('penstock_api', needed.relation, needed.privilege);
            EXECUTE format('GRANT %s ON %I TO penstock_api', needed.privilege, needed.relation);
        ELSE
            CONTINUE WHEN (SELECT bool_and(has_column_privilege('penstock_api', needed.relation, one, needed.privilege))
                           FROM unnest(needed.columns) AS one);
            EXECUTE format('GRANT %s (%s) ON %I TO penstock_api', needed.privilege, array_to_string(needed.columns, ', '),
                           needed.relation);
        END IF;
    END LOOP;
    IF NOT has_schema_privilege('penstock_api', current_schema(), 'usage') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO penstock_api', current_schema());
    END IF;
    IF NOT has_function_privilege('penstock_api', 'find_key_owner(bytea)', 'execute') THEN
        GRANT EXECUTE ON FUNCTION find_key_owner TO penstock_api;
    END IF;
END $$

-- name: is_every_table_protected
-- Whether the two above were done in this database.
SELECT coalesce(bool_and(c.relrowsecurity
                         AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_tenant')), false)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
