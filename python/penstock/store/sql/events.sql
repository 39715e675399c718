-- name: find_source
SELECT source, identity, rule::text AS rule, created_at FROM ingest_source WHERE tenant_id = $1 AND source = $2

-- name: list_sources
SELECT source, identity, rule::text AS rule, created_at FROM ingest_source WHERE tenant_id = $1 ORDER BY source

-- name: put_source
-- True when the source is new.
INSERT INTO ingest_source (tenant_id, source, identity, rule) VALUES ($1, $2, $3, $4::text::jsonb)
ON CONFLICT (tenant_id, source) DO UPDATE SET identity = excluded.identity, rule = excluded.rule
RETURNING xmax = 0

-- name: drop_source
-- Its events stay.
DELETE FROM ingest_source WHERE tenant_id = $1 AND source = $2

-- name: add_event
-- Nothing when the event is known. A parallel writer of the same event is waited for.
INSERT INTO ingest_event (tenant_id, source, identity, event_id, body) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, source, identity) DO NOTHING RETURNING true

-- name: note_event_message
-- In the same transaction: the message that the event sent.
UPDATE ingest_event SET message_id = $4 WHERE tenant_id = $1 AND source = $2 AND identity = $3
