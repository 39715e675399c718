-- name: insert_page
-- scope: system
INSERT INTO report_page (reports, body) VALUES ($1, $2)

-- name: choose_pages
-- scope: system. The oldest open pages after $3, at most $1 of them with at most $2 reports together (one page always). Neither
-- locked nor read: a backlog would else be fetched again and again. Rides on report_page_open.
SELECT page_id FROM (
    SELECT page_id, sum(reports) OVER (ORDER BY page_id) AS total, row_number() OVER (ORDER BY page_id) AS place
    FROM (SELECT page_id, reports FROM report_page WHERE applied_at IS NULL AND page_id > $3 ORDER BY page_id LIMIT $1) oldest
) counted
WHERE total <= $2 OR place = 1
ORDER BY page_id

-- name: lock_pages
-- scope: system. Those of these pages that are open and that nobody else holds, locked, in order. Rides on the primary key.
SELECT page_id, reports, received_at, body FROM report_page
WHERE page_id = ANY($1::int8[]) AND applied_at IS NULL ORDER BY page_id FOR UPDATE SKIP LOCKED

-- name: finish_pages
-- scope: system
UPDATE report_page SET applied_at = now() WHERE page_id = ANY($1::int8[])

-- name: apply_reports
-- scope: system. One UPDATE a flush, one row an id (folded before), sorted by id. A message with a provider id is at least sent,
-- so only `sent` can move; the deltas of its campaigns are written by the same statement. Returns how many ids moved (an id is
-- unique within a month only).
-- Rides on the provider_id index of each partition; HOT, as no indexed column changes. Every predicate on `message` is a join
-- clause, for the reason given at accept_messages: a constant state that the statistics think rare would be scanned for first.
WITH moved AS (
    UPDATE message m
    SET state = r.state, final_at = coalesce(r.at, now()), error = r.error
    FROM (SELECT u.*, 'sent'::message_state AS was
          FROM unnest($1::text[], $2::message_state[], $3::timestamptz[], $4::text[]) AS u(provider_id, state, at, error)
          OFFSET 0) r
    WHERE m.provider_id = r.provider_id AND m.state = r.was
    RETURNING m.tenant_id, m.campaign_id, m.state, m.provider_id
), sums AS (
    SELECT tenant_id, campaign_id, state, count(*) AS n FROM moved GROUP BY tenant_id, campaign_id, state
), booked AS (
    INSERT INTO counter_delta (tenant_id, campaign_id, counter, n)
    SELECT tenant_id, campaign_id, state::text, n FROM sums
    UNION ALL
    SELECT tenant_id, campaign_id, 'sent', -sum(n) FROM sums GROUP BY tenant_id, campaign_id
)
SELECT count(*) FROM (SELECT DISTINCT provider_id FROM moved) ids

-- name: find_states
-- scope: system. The state of each id, nothing for an id that no message has. Rides on the provider_id index of each partition.
SELECT m.provider_id, m.state::text AS state
FROM unnest($1::text[]) AS r(provider_id) JOIN message m ON m.provider_id = r.provider_id

-- name: park_reports
-- scope: system
INSERT INTO parked_report (provider_id, status, at_us, error, received_at, tries, next_try_at)
SELECT p.provider_id, p.status, p.at_us, p.error, now(), 0, now() + $5::interval
FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[]) AS p(provider_id, status, at_us, error)

-- name: take_parked
-- scope: system. Parked reports that are due, locked; rides on parked_report_due.
SELECT parked_id, provider_id, status, at_us, error, tries FROM parked_report
WHERE next_try_at <= now() ORDER BY next_try_at, parked_id LIMIT $1 FOR UPDATE SKIP LOCKED

-- name: drop_parked
-- scope: system
DELETE FROM parked_report WHERE parked_id = ANY($1::int8[])

-- name: postpone_parked
-- scope: system. No time means: tried often enough, kept on record.
UPDATE parked_report p SET tries = tries + 1, next_try_at = now() + d.delay
FROM unnest($1::int8[], $2::interval[]) AS d(parked_id, delay) WHERE p.parked_id = d.parked_id

-- name: record_conflicts
-- scope: system
INSERT INTO report_conflict (provider_id, status, at_us, error)
SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[])

-- name: count_waiting
-- scope: system. For the metrics.
SELECT (SELECT coalesce(sum(reports), 0) FROM report_page WHERE applied_at IS NULL)::int8 AS pages,
       (SELECT count(*) FROM parked_report WHERE next_try_at IS NOT NULL)::int8 AS parked
