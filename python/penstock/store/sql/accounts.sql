-- name: ensure_account
-- scope: system
INSERT INTO account (account_id) VALUES ($1) ON CONFLICT DO NOTHING

-- name: hold_account
-- scope: system. Never shortens a hold that is already there, and keeps the reason of the longer one. Refusals in a row are
-- forgotten: after the hold the next single message is judged by its own answer again.
UPDATE account
SET held_until = greatest(held_until, now() + $2::interval),
    held_reason = CASE WHEN held_until > now() + $2::interval THEN held_reason ELSE $3 END,
    refused_in_a_row = 0
WHERE account_id = $1

-- name: back_off_account
-- scope: system. One step further each time until a call succeeds; returns the step to wait for.
UPDATE account SET backoff_step = backoff_step + 1 WHERE account_id = $1 RETURNING backoff_step - 1

-- name: note_success
-- scope: system. Writes only when there is something to forget, so a healthy account's row is never touched. A hold that is not
-- over stays: the accepted call may have left before the one that was told to wait.
UPDATE account SET backoff_step = 0, refused_in_a_row = 0,
    held_until = CASE WHEN held_until > now() THEN held_until END,
    held_reason = CASE WHEN held_until > now() THEN held_reason END
WHERE account_id = $1 AND (backoff_step <> 0 OR refused_in_a_row <> 0 OR held_until < now())

-- name: note_refused
-- scope: system. How many single messages in a row this account has had refused.
UPDATE account SET refused_in_a_row = refused_in_a_row + 1 WHERE account_id = $1 RETURNING refused_in_a_row

-- name: learn_batch_size
-- scope: system. The provider refused this many at once: keep to half of it.
UPDATE account SET learned_batch_size = least(coalesce(learned_batch_size, $2), $2) WHERE account_id = $1

-- name: release_account
-- scope: system. An operator's word: what held it is over, and nothing of it is remembered.
UPDATE account SET held_until = NULL, held_reason = NULL, backoff_step = 0, refused_in_a_row = 0 WHERE account_id = $1

-- name: change_account
-- scope: system. NULL: as the settings have it, and a batch's size until the provider refuses it again.
UPDATE account SET learned_batch_size = $2, requests_max = $3, segments_per_s = $4 WHERE account_id = $1

-- name: list_accounts
-- scope: system. Those with names behind $1, in order, at most $2; a hold that is over is none.
SELECT account_id, CASE WHEN held_until > now() THEN held_until END AS held_until,
       CASE WHEN held_until > now() THEN held_reason END AS held_reason, backoff_step, learned_batch_size,
       requests_max, segments_per_s
FROM account WHERE account_id > $1 ORDER BY account_id LIMIT $2

-- name: lock_account
-- scope: system. One of them, kept from changing.
SELECT account_id, CASE WHEN held_until > now() THEN held_until END AS held_until,
       CASE WHEN held_until > now() THEN held_reason END AS held_reason, backoff_step, learned_batch_size,
       requests_max, segments_per_s
FROM account WHERE account_id = $1 FOR UPDATE

-- name: count_not_sending
-- scope: system. For the metrics: accounts that are held, and accounts whose last call failed.
SELECT count(*) FILTER (WHERE held_until > now()) AS held, count(*) FILTER (WHERE backoff_step > 0) AS failing FROM account
