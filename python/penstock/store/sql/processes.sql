-- name: note_beat
-- This process is here, and how its limiter works. No index carries what changes, so a beat is a HOT update of one row.
INSERT INTO process (worker, role, is_sending, limiter_mode) VALUES ($1, $2, $3, $4)
ON CONFLICT (worker) DO UPDATE SET seen_at = now(), limiter_mode = excluded.limiter_mode

-- name: count_sending
-- How many processes that send were seen within $1, and how many of them keep a share of their own.
SELECT count(*) AS processes, count(*) FILTER (WHERE limiter_mode = 'local') AS local
FROM process WHERE is_sending AND seen_at > now() - $1::interval

-- name: remove_process
-- It has finished what it held: nobody needs to wait until its last beat is old.
DELETE FROM process WHERE worker = $1

-- name: sweep_processes
-- Processes that ended without a word and were not seen for $1.
DELETE FROM process WHERE seen_at < now() - $1::interval
