-- name: end_transactions
-- Ends the sessions of these pools ($2), in this database and of this role, whose transaction is older than $1. A process that
-- was stopped between two words of a statement looks active, so the state is not asked for. MATERIALIZED, because of the
-- conditions in one WHERE the planner may ask any first, and the ending of sessions is one.
WITH stale AS MATERIALIZED (
    SELECT pid, application_name, xact_start, wait_event FROM pg_stat_activity
    WHERE datname = current_database() AND usename = session_user AND application_name = ANY($2::text[])
      AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - $1::interval
)
SELECT pid || ':' || to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') AS session, application_name AS pool,
       extract(epoch FROM clock_timestamp() - xact_start)::int4 AS age_s, coalesce(wait_event, '') AS waited_for
FROM stale WHERE pg_terminate_backend(pid)
