-- name: list_expired
-- scope: system. Campaigns whose validity is over and that have batches which were not sent; at most $1, the oldest first. Also
-- those that may not send: paused, with a held account, of a deactivated tenant. Rides on campaign_expiring and batch_ready.
SELECT c.tenant_id, c.campaign_id FROM campaign c
WHERE c.state IN ('sending', 'paused') AND c.expires_at <= now()
  AND EXISTS (SELECT FROM batch b WHERE b.campaign_id = c.campaign_id AND b.state IN ('pending', 'dead'))
ORDER BY c.expires_at LIMIT $1
