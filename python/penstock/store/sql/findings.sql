-- name: note_finding
-- The same thing found again is the same row, seen once more.
INSERT INTO finding (kind, subject, tenant_id, campaign_id, is_repaired, detail) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb)
ON CONFLICT (kind, subject) DO UPDATE
SET is_repaired = excluded.is_repaired, detail = excluded.detail, times = finding.times + 1, seen_at = now()

-- name: is_on_record
-- scope: system. Rides on the unique key.
SELECT EXISTS (SELECT FROM finding WHERE kind = $1 AND subject = $2)

-- name: list_findings
-- scope: system. A page before an id, newest first, of one kind where it is given. Rides on the primary key.
SELECT finding_id, kind, subject, tenant_id, campaign_id, is_repaired, detail::text AS detail, times, found_at, seen_at
FROM finding WHERE finding_id < $1 AND ($2::text IS NULL OR kind = $2) ORDER BY finding_id DESC LIMIT $3

-- name: count_findings
-- scope: system. How many things of each kind were seen in the last $1, and when the latest of them was. Reads the whole of a
-- table that is swept.
SELECT kind, count(*) AS n, max(seen_at) AS newest_at FROM finding WHERE seen_at > now() - $1::interval GROUP BY kind ORDER BY kind

-- name: sweep_findings
-- scope: system. Those that were not seen for $1.
DELETE FROM finding WHERE seen_at < now() - $1::interval
