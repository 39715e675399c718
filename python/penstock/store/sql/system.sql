-- name: try_leader
-- One process at a time runs the periodic jobs; the lock lives as long as its own connection.
SELECT pg_try_advisory_lock($1)

-- name: bound_silence
-- For this session only, in milliseconds.
SELECT set_config('idle_session_timeout', $1, false)

-- name: premake_partitions
-- scope: system. Message partitions from yesterday's month to two months ahead; returns how many were made.
SELECT premake_message_partitions(now() - interval '1 day', 2)

-- name: count_queue
-- scope: system. For the metrics: messages in batches that wait, and batches by state.
SELECT coalesce(sum(last_seq - first_seq + 1) FILTER (WHERE state = 'pending'), 0)::int8 AS waiting,
       count(*) FILTER (WHERE state = 'unknown') AS unknown_batches,
       count(*) FILTER (WHERE state = 'dead') AS dead_batches
FROM batch WHERE state IN ('pending', 'unknown', 'dead')

-- name: server_version
SELECT current_setting('server_version')

-- name: take_probe_lock
-- A session's lock; behind a transaction pooler the next statement may run in another session, which does not hold it.
SELECT pg_backend_pid() FROM (SELECT pg_advisory_lock($1)) probe

-- name: release_probe_lock
SELECT pg_advisory_unlock($1) AND pg_backend_pid() = $2
