-- name: take_range
-- The next $5 sequence numbers and $6 chunk numbers of today's rolling campaign, by the database's day; nothing when the day has
-- none yet, or it is over: it was completed by a clock that has been set back. The row's lock orders the groups of all processes
-- until they commit.
UPDATE rolling_campaign r SET next_seq = next_seq + $5, next_chunk = next_chunk + $6
WHERE tenant_id = $1 AND day = (now() AT TIME ZONE 'UTC')::date AND account_id = $2 AND sender = $3 AND is_later = $4
  AND EXISTS (SELECT FROM campaign c WHERE c.tenant_id = $1 AND c.campaign_id = r.campaign_id AND c.state = 'sending')
RETURNING campaign_id, next_seq - $5 AS first_seq, next_chunk - $6 AS first_chunk, now() AS stored_at

-- name: open_day
-- Today's rolling campaign, unless another transaction was first; one that is over is replaced (one that is not seen yet is that
-- of the first). It takes messages until midnight; it closes an hour later, which no transaction outlives.
WITH opened AS (
    INSERT INTO rolling_campaign (tenant_id, day, account_id, sender, is_later, campaign_id)
    VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, day, account_id, sender, is_later) DO UPDATE SET campaign_id = $5, next_seq = 0, next_chunk = 0
    WHERE EXISTS (SELECT FROM campaign c WHERE c.tenant_id = $1 AND c.campaign_id = rolling_campaign.campaign_id
                  AND c.state <> 'sending')
    RETURNING day
)
INSERT INTO campaign (tenant_id, campaign_id, state, name, text, sender, account_id, max_parts, is_rolling, started_at, closes_at)
SELECT $1, $5, 'sending', 'single messages', $6, $3, $2, $7, true, now(),
       (day + 1)::timestamp AT TIME ZONE 'UTC' + interval '1 hour'
FROM opened

-- name: insert_messages
-- Chunks of one rolling campaign, each with its one batch (what has no time of its own is due at once), their messages in order
-- from $10 on, the references of those that have one, and what they add to the counters $14. One statement, because every request
-- that comes meanwhile waits for its round trips. Not by COPY, which row-level security forbids.
WITH new_chunk AS (
    SELECT * FROM unnest($4::int4[], $5::int4[], $6::int4[], $7::int4[], $8::timestamptz[], $9::bytea[])
        AS g(chunk_no, first_seq, messages, segments, due_at, payload)
), stored AS (
    INSERT INTO chunk (tenant_id, campaign_id, chunk_no, codec, payload, first_seq, messages)
    SELECT $1, $2, chunk_no, $3, payload, first_seq, messages FROM new_chunk
), queued AS (
    INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments, due_at)
    SELECT $1, $2, chunk_no, first_seq, first_seq + messages - 1, segments, coalesce(due_at, now()) FROM new_chunk
), new_message AS (
    SELECT $10::int4 + n::int4 - 1 AS seq, msisdn, segments, reference
    FROM unnest($11::int8[], $12::int2[], $13::text[]) WITH ORDINALITY AS g(msisdn, segments, reference, n)
), named AS (
    INSERT INTO message_reference (tenant_id, reference, campaign_id, seq)
    SELECT $1, reference, $2, seq FROM new_message WHERE reference IS NOT NULL
), counted AS (
    INSERT INTO counter_delta (tenant_id, campaign_id, counter, n)
    SELECT $1, $2, counter, (SELECT count(*) FROM new_message) FROM unnest($14::text[]) AS c(counter)
)
INSERT INTO message (campaign_id, tenant_id, seq, msisdn, segments) SELECT $2, $1, seq, msisdn, segments FROM new_message

-- name: find_opted_out
-- Those of the numbers that are opted out. Rides on the primary key.
SELECT msisdn FROM opt_out WHERE tenant_id = $1 AND msisdn = ANY($2::int8[])

-- name: lock_pending_batch
-- The pending batch that holds message $3, locked; a claim that has it is waited for, and then there is none. Rides on
-- batch_ready.
SELECT batch_id, chunk_no, first_seq, last_seq, excluded FROM batch
WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'pending' AND $3::int4 BETWEEN first_seq AND last_seq
FOR UPDATE

-- name: find_chunk
-- Of a locked batch, found as in runs.sql. In a statement of its own: one that waited for the lock would still see the chunk as it
-- was before a claim made it part of a larger one.
SELECT first_seq AS chunk_first_seq, messages AS chunk_messages FROM chunk WHERE (tenant_id, campaign_id, chunk_no) >= ($1, $2, $3)
ORDER BY tenant_id, campaign_id, chunk_no LIMIT 1

-- name: exclude_from_batch
-- Of a locked pending batch; settled when nothing is left of it.
UPDATE batch SET excluded = $2, state = CASE WHEN $3 THEN 'settled'::batch_state ELSE state END WHERE batch_id = $1

-- name: forget_days
-- scope: system. Days that take no messages any more.
DELETE FROM rolling_campaign WHERE day < (now() AT TIME ZONE 'UTC')::date - 1
