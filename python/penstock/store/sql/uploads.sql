-- name: find_upload
SELECT * FROM upload WHERE tenant_id = $1 AND campaign_id = $2 AND upload_id = $3

-- name: find_open_upload
SELECT * FROM upload WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'open'

-- name: list_uploads
SELECT * FROM upload WHERE tenant_id = $1 AND campaign_id = $2 ORDER BY upload_no

-- name: create_upload
-- The caller holds the campaign's lock.
INSERT INTO upload (tenant_id, campaign_id, upload_no, upload_id, format, phone_column, token, zone_column)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *

-- name: take_upload
-- Whoever comes last may continue: the earlier connection's token no longer fits, so its next chunk fails.
UPDATE upload SET token = $4, touched_at = now() WHERE tenant_id = $1 AND campaign_id = $2 AND upload_no = $3 RETURNING *

-- name: number_upload
-- The caller holds the campaign's lock.
UPDATE campaign SET next_upload = next_upload + 1 WHERE tenant_id = $1 AND campaign_id = $2 RETURNING next_upload - 1

-- name: advance_upload
-- Moves the checkpoint in the transaction that stores the chunk; nothing when another connection took the upload over.
UPDATE upload
SET byte_offset = $5, line = $6, rows = $7, digest = $8, header = $9, accepted = accepted + $10, skipped = skipped + $11,
    touched_at = now()
WHERE tenant_id = $1 AND campaign_id = $2 AND upload_no = $3 AND token = $4 AND state = 'open' RETURNING upload_no

-- name: complete_upload
UPDATE upload SET state = 'complete', touched_at = now()
WHERE tenant_id = $1 AND campaign_id = $2 AND upload_no = $3 AND token = $4 AND state = 'open' RETURNING upload_no

-- name: number_chunk
-- Takes the next chunk number and $4 sequence numbers; nothing when the campaign is no longer a draft or the tenant was
-- deactivated. The row lock this takes keeps `send` out until the chunk is stored.
UPDATE campaign
SET next_chunk = next_chunk + 1, next_seq = next_seq + $3, segments = segments + $4, longest = greatest(longest, $6::int2)
WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'draft' AND next_seq = $5
  AND EXISTS (SELECT FROM tenant t WHERE t.tenant_id = $1 AND t.deactivated_at IS NULL)
RETURNING next_chunk - 1

-- name: insert_chunk
-- The chunk and its batches, one for each zone group; later splits write batch rows, never messages.
WITH stored AS (
    INSERT INTO chunk (tenant_id, campaign_id, chunk_no, codec, payload, first_seq, messages, opt_outs_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8::timestamptz, now()))
)
INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments, zone_group)
SELECT $1, $2, $3, first_seq, last_seq, segments, zone_group
FROM unnest($9::int4[], $10::int4[], $11::int4[], $12::text[]) AS g(first_seq, last_seq, segments, zone_group)

-- name: pack_numbers
-- Every number of the campaign as packed big-endian int64, for the exact set of the parser. One value, no row per number.
-- Rides on the primary key, and reads every message of the campaign.
SELECT coalesce(string_agg(int8send(msisdn), ''::bytea), ''::bytea) FROM message WHERE tenant_id = $1 AND campaign_id = $2

-- name: list_skipped
-- A page after (upload, line), in order; rides on the primary key.
SELECT upload_no, line, reason, detail FROM skipped
WHERE tenant_id = $1 AND campaign_id = $2 AND (upload_no, line) > ($3, $4) ORDER BY upload_no, line LIMIT $5

-- name: list_upload_problems
SELECT upload_no, line, reason, detail FROM skipped
WHERE tenant_id = $1 AND campaign_id = $2 AND upload_no = $3 ORDER BY line LIMIT $4

-- name: count_upload_skipped
SELECT reason, count(*) AS n FROM skipped WHERE tenant_id = $1 AND campaign_id = $2 AND upload_no = $3 GROUP BY reason

-- name: discard_batches
DELETE FROM batch WHERE tenant_id = $1 AND campaign_id = $2

-- name: discard_chunks
DELETE FROM chunk WHERE tenant_id = $1 AND campaign_id = $2

-- name: discard_messages
-- Rides on the primary key.
DELETE FROM message WHERE tenant_id = $1 AND campaign_id = $2

-- name: discard_skipped
DELETE FROM skipped WHERE tenant_id = $1 AND campaign_id = $2

-- name: discard_uploads
DELETE FROM upload WHERE tenant_id = $1 AND campaign_id = $2

-- name: discard_deltas
DELETE FROM counter_delta WHERE tenant_id = $1 AND campaign_id = $2

-- name: discard_counters
DELETE FROM counter WHERE tenant_id = $1 AND campaign_id = $2

-- name: empty_campaign
-- Sequence and upload numbers start again; the caller holds the campaign's lock and has seen that it is a draft.
UPDATE campaign SET next_seq = 0, next_chunk = 0, next_upload = 0, segments = 0, longest = 0 WHERE tenant_id = $1 AND campaign_id = $2

-- name: sum_upload_segments
-- Segments of one upload while the campaign is a draft or later: uploads follow one another without gaps, and a batch never spans two.
SELECT coalesce(sum(b.segments), 0)::int8
FROM upload u
CROSS JOIN LATERAL (SELECT coalesce(sum(e.accepted), 0) AS first_seq FROM upload e
                    WHERE e.tenant_id = $1 AND e.campaign_id = $2 AND e.upload_no < $3) earlier
JOIN batch b ON b.campaign_id = $2 AND b.tenant_id = $1
            AND b.first_seq >= earlier.first_seq AND b.first_seq < earlier.first_seq + u.accepted
WHERE u.tenant_id = $1 AND u.campaign_id = $2 AND u.upload_no = $3

-- name: drop_empty_upload
-- An upload that failed before its first chunk leaves nothing behind; nothing when another connection has taken it over.
DELETE FROM upload
WHERE tenant_id = $1 AND campaign_id = $2 AND upload_no = $3 AND token = $4 AND state = 'open' AND digest IS NULL

-- name: drop_abandoned_upload
-- The same for one whose process died: nothing stored and not touched for $3. The caller holds the campaign's lock.
DELETE FROM upload
WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'open' AND digest IS NULL AND touched_at < now() - $3::interval

-- name: drop_orphaned_uploads
-- scope: system. The same everywhere, for those of which nothing was heard for $1: a connection that still lives finds its upload
-- ended with its next chunk. Rides on upload_one_open.
DELETE FROM upload WHERE state = 'open' AND digest IS NULL AND touched_at < now() - $1::interval

-- name: list_abandoned_uploads
-- scope: system. Open uploads of drafts with something stored, not continued for $1; at most $2. Rides on upload_one_open.
SELECT u.* FROM upload u JOIN campaign c ON c.tenant_id = u.tenant_id AND c.campaign_id = u.campaign_id AND c.state = 'draft'
WHERE u.state = 'open' AND u.digest IS NOT NULL AND u.touched_at < now() - $1::interval
ORDER BY u.tenant_id, u.campaign_id LIMIT $2
