-- name: list_due_lanes
-- scope: system. Sending campaigns whose account is not held, each with the segments that its next request may have; at most $1.
-- Rolling ones are asked for by themselves (runs.sql). Rides on campaign_sending, then two rows of batch_ready a campaign: the next
-- batch may be the rest of one that was cut, and a permit of that size would cut the whole one behind it. Where the account takes
-- smaller requests only as much is counted, and of a paced campaign what is due within the next second (both at the batch's
-- average): a permit for the whole batch would be taken from others for nothing.
SELECT c.tenant_id, c.campaign_id, c.account_id, c.paced_from IS NOT NULL AS is_paced, next.segments
FROM campaign c
JOIN account a ON a.account_id = c.account_id AND (a.held_until IS NULL OR a.held_until <= now())
JOIN tenant t ON t.tenant_id = c.tenant_id AND t.deactivated_at IS NULL
CROSS JOIN LATERAL (
    SELECT max(CASE WHEN c.paced_from IS NULL
                    THEN least(b.segments, ceil(b.segments::float8 / (b.last_seq - b.first_seq + 1) * a.learned_batch_size)::int4)
                    ELSE least(b.segments, greatest(1, ceil(b.segments::float8 / (b.last_seq - b.first_seq + 1)
                        * (extract(epoch FROM now() + interval '1 second' - c.paced_from) * c.next_seq / c.pace_s - b.first_seq)
                    )))::int4 END) AS segments
    FROM (
        SELECT first_seq, last_seq, segments FROM batch
        WHERE campaign_id = c.campaign_id AND state = 'pending' AND due_at <= now()
        ORDER BY due_at, first_seq LIMIT CASE WHEN c.paced_from IS NULL THEN 2 ELSE 1 END
    ) b
    HAVING count(*) > 0
) next
WHERE c.state = 'sending' AND NOT c.is_rolling
ORDER BY c.campaign_id LIMIT $1

-- name: lock_for_sending
-- The campaign as it is now, kept from changing (pause and cancel wait) until the claim commits; nothing when it may not send.
-- A paced campaign may send so far that no message goes more than a second ahead of its line: that makes about a request a second.
SELECT c.text, c.sender, c.account_id, a.learned_batch_size, coalesce(c.expires_at <= now(), false) AS is_expired,
       CASE WHEN c.paced_from IS NOT NULL THEN
           least(c.next_seq, ceil(extract(epoch FROM now() + interval '1 second' - c.paced_from) * c.next_seq / c.pace_s))::int4
       END AS paced_to,
       CASE WHEN c.paced_from IS NOT NULL THEN
           least(c.next_seq, ceil(extract(epoch FROM now() - c.paced_from) * c.next_seq / c.pace_s))::int4
       END AS due_to,
       c.quiet_hours::text AS quiet_hours, now() AS now
FROM campaign c
JOIN account a ON a.account_id = c.account_id
JOIN tenant t ON t.tenant_id = c.tenant_id AND t.deactivated_at IS NULL
WHERE c.tenant_id = $1 AND c.campaign_id = $2 AND c.state = 'sending' AND (a.held_until IS NULL OR a.held_until <= now())
FOR SHARE OF c

-- name: claim_due_batch
-- The campaign's next due batch, locked, with its chunk. Rides on batch_ready; batches that others hold are passed over.
-- The chunk is found as in runs.sql.
SELECT b.batch_id, b.chunk_no, b.first_seq, b.last_seq, b.segments, b.attempts, b.excluded,
       c.first_seq AS chunk_first_seq, c.messages AS chunk_messages, c.payload, c.opt_outs_at, b.zone_group
FROM (
    SELECT * FROM batch
    WHERE campaign_id = $2 AND tenant_id = $1 AND state = 'pending' AND due_at <= now()
    ORDER BY due_at, first_seq LIMIT 1 FOR UPDATE SKIP LOCKED
) b
CROSS JOIN LATERAL (
    SELECT * FROM chunk WHERE (tenant_id, campaign_id, chunk_no) >= ($1, $2, b.chunk_no)
    ORDER BY tenant_id, campaign_id, chunk_no LIMIT 1
) c

-- name: list_recent_opt_outs
-- Numbers that opted out after the upload had read the opt-outs, and so could not leave them out; the ten minutes cover those
-- whose transaction was still open then (none lives that long).
SELECT msisdn FROM opt_out WHERE tenant_id = $1 AND created_at > $2::timestamptz - interval '10 minutes'

-- name: open_attempt
-- Commits the intention: the attempt, the batch cut to it, and the rest as a new batch. $6 is the last sequence number it covers,
-- $15 the segments of the rest, counted from the payload: a rest that is guessed too small asks for too small a permit. In a
-- paced campaign the rest is due when its own first message is.
WITH opened AS (
    INSERT INTO attempt (attempt_id, tenant_id, campaign_id, batch_id, account_id, first_seq, last_seq, messages, segments,
                         excluded, digest, codec, worker, lease_until, has_references)
    VALUES ($1, $2, $3, $4, $7, $5, $6, $8, $9, $10, $11, $12, $13, now() + $14::interval, $16)
), rest AS (
    INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments, attempts, due_at, excluded, zone_group)
    SELECT b.tenant_id, b.campaign_id, b.chunk_no, $6 + 1, b.last_seq, $15::int4, b.attempts,
           coalesce(c.paced_from + make_interval(secs => c.pace_s::float8 * ($6 + 1) / c.next_seq), b.due_at), $10, b.zone_group
    FROM batch b JOIN campaign c ON c.tenant_id = b.tenant_id AND c.campaign_id = b.campaign_id
    WHERE b.batch_id = $4 AND b.last_seq > $6
)
UPDATE batch SET state = 'sending', attempt_id = $1, last_seq = $6, segments = $9, excluded = $10 WHERE batch_id = $4

-- name: close_batch
-- A locked pending batch of which nothing is left to send.
UPDATE batch SET state = 'settled' WHERE batch_id = $1 AND state = 'pending'

-- name: count_batch_failure
-- The batch itself failed (not the provider): back to the queue later, at most $3, or dead after $2 such failures. The first
-- waits are short, because of several batches that were to go out together the first is blamed.
UPDATE batch SET attempts = attempts + 1, due_at = now() + least($3::interval, interval '5 seconds' * power(4, attempts)),
    failure = $4, failed_at = now(),
    state = CASE WHEN attempts + 1 >= $2 THEN 'dead'::batch_state ELSE 'pending'::batch_state END
WHERE batch_id = $1 AND state = 'pending' RETURNING state::text

-- name: cancel_messages
-- Leaves out messages that are still queued, by sequence number; the error says why. Joined as accept_messages is.
UPDATE message m SET state = 'canceled', final_at = now(), error = $4
FROM (SELECT $1::int4 AS tenant_id, $2::uuid AS campaign_id, o.seq, 'queued'::message_state AS was
      FROM unnest($3::int4[]) AS o(seq) OFFSET 0) o
WHERE m.tenant_id = o.tenant_id AND m.campaign_id = o.campaign_id AND m.seq = o.seq AND m.state = o.was

-- name: expire_messages
-- Validity ran out before the messages were sent. Rides on the primary key.
UPDATE message SET state = 'expired', final_at = now(), error = 'validity_expired'
WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4 AND state = 'queued'

-- name: lock_attempt
-- The attempt's state, locked: whoever records its outcome goes first, the others see that it is closed.
SELECT state::text FROM attempt WHERE attempt_id = $1 FOR UPDATE

-- name: try_attempt
-- The same, or nothing while somebody else holds it: what is being settled is not given up.
SELECT state::text FROM attempt WHERE attempt_id = $1 FOR UPDATE SKIP LOCKED

-- name: accept_messages
-- One UPDATE a batch, in primary-key order. $5 is the state the messages must be in, so that the books know what they left.
-- Rides on the primary key; not HOT, because provider_id is indexed. Fails if an id is already known.
-- Every predicate on `message` is a join clause, and OFFSET 0 keeps it one: with `m.tenant_id = $1` the planner, after a large
-- COPY and before statistics, expects one row behind that prefix, scans all of them first and compares each with every id
-- (a batch of 50 ms then ran for more than 20 s).
UPDATE message m SET state = 'sent', provider_id = a.provider_id, sent_at = now()
FROM (SELECT $1::int4 AS tenant_id, $2::uuid AS campaign_id, $5::message_state AS was, a.seq, a.provider_id
      FROM unnest($3::int4[], $4::text[]) AS a(seq, provider_id) OFFSET 0) a
WHERE m.tenant_id = a.tenant_id AND m.campaign_id = a.campaign_id AND m.seq = a.seq AND m.state = a.was

-- name: reject_messages
-- Joined as accept_messages is.
UPDATE message m SET state = 'rejected', final_at = now(), error = r.error
FROM (SELECT $1::int4 AS tenant_id, $2::uuid AS campaign_id, $5::message_state AS was, r.seq, r.error
      FROM unnest($3::int4[], $4::text[]) AS r(seq, error) OFFSET 0) r
WHERE m.tenant_id = r.tenant_id AND m.campaign_id = r.campaign_id AND m.seq = r.seq AND m.state = r.was

-- name: move_range
-- A whole attempt's messages from one state to another (to unknown, or back to queued). Rides on the primary key.
UPDATE message SET state = $6::message_state
WHERE tenant_id = $1 AND campaign_id = $2 AND seq BETWEEN $3 AND $4 AND state = $5::message_state

-- name: close_attempt
-- Attempt and batch together; $2 the attempt's end, $3 the batch's, $5 when it is due again.
WITH closed AS (
    UPDATE attempt SET state = $2::attempt_state, closed_at = now(), detail = $4, hints = $6 WHERE attempt_id = $1
    RETURNING batch_id
)
UPDATE batch b SET state = $3::batch_state, due_at = CASE WHEN $3::text = 'pending' THEN now() + $5::interval ELSE b.due_at END
FROM closed WHERE b.batch_id = closed.batch_id AND b.attempt_id = $1

-- name: halve_batch
-- After a complete refusal of the size: the attempt is closed, the batch becomes two pending halves. How the segments are
-- spread over them is not known here; no half has fewer than messages, else it would ask for too small a permit.
WITH closed AS (
    UPDATE attempt SET state = 'split', closed_at = now(), detail = $2 WHERE attempt_id = $1
    RETURNING batch_id
), old AS (
    SELECT b.*, (b.first_seq + b.last_seq) / 2 AS middle FROM batch b JOIN closed USING (batch_id) WHERE b.attempt_id = $1
), upper_half AS (
    INSERT INTO batch (tenant_id, campaign_id, chunk_no, first_seq, last_seq, segments, attempts, due_at, excluded, zone_group)
    SELECT tenant_id, campaign_id, chunk_no, middle + 1, last_seq, greatest(last_seq - middle, segments / 2), attempts, due_at,
           excluded, zone_group
    FROM old WHERE last_seq > first_seq
)
UPDATE batch b
SET state = 'pending', last_seq = old.middle, segments = greatest(old.middle - b.first_seq + 1, b.segments - b.segments / 2)
FROM old WHERE b.batch_id = old.batch_id

-- name: list_lapsed_attempts
-- scope: system. Open attempts that nobody answers for: their lease is over, or their process was not seen for $2 and they are
-- older than that themselves (a process that has just begun is not seen yet). Rides on attempt_open and the key of process.
SELECT a.attempt_id, CASE WHEN a.lease_until < now() THEN 'lease_lapsed' ELSE 'process_gone' END AS reason
FROM attempt a
WHERE a.state = 'open'
  AND (a.lease_until < now()
       OR a.started_at < now() - $2::interval
       AND NOT EXISTS (SELECT FROM process p WHERE p.worker = a.worker AND p.seen_at > now() - $2::interval))
ORDER BY a.lease_until LIMIT $1

-- name: find_attempt
-- scope: system. For answers found in the spool and for attempts that nobody answers for.
SELECT a.attempt_id, a.tenant_id, a.campaign_id, a.batch_id, a.account_id, a.first_seq, a.last_seq, a.messages, a.excluded,
       c.first_seq AS chunk_first_seq
FROM attempt a JOIN batch b ON b.batch_id = a.batch_id
JOIN chunk c ON c.tenant_id = b.tenant_id AND c.campaign_id = b.campaign_id AND c.chunk_no = b.chunk_no
WHERE a.attempt_id = $1
