-- name: note_beat
-- This process is here, and which share its limiter keeps. No index carries what changes, so a beat is a HOT update of one row.
INSERT INTO process (worker, role, is_sending, limiter_parts) VALUES ($1, $2, $3, $4)
ON CONFLICT (worker) DO UPDATE SET seen_at = now(), limiter_parts = excluded.limiter_parts

-- name: list_others
-- The processes that send, but for $1, seen within $2; each with the share its limiter keeps.
SELECT worker, limiter_parts FROM process WHERE is_sending AND worker <> $1 AND seen_at > now() - $2::interval

-- name: remove_process
-- It has finished what it held: nobody needs to wait until its last beat is old.
DELETE FROM process WHERE worker = $1

-- name: sweep_processes
-- Processes that ended without a word and were not seen for $1.
DELETE FROM process WHERE seen_at < now() - $1::interval
