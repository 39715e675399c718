-- name: list_account_limits
-- scope: system. Accounts whose limits are not those of the settings. Accounts are few.
SELECT account_id, requests_max, segments_per_s FROM account WHERE requests_max IS NOT NULL OR segments_per_s IS NOT NULL

-- name: list_tenant_limits
-- scope: system. Tenants whose limit is not that of the settings. Rides on tenant_requests_max.
SELECT tenant_id, (settings ->> 'requests_max')::int4 AS requests_max FROM tenant WHERE settings ? 'requests_max'

-- name: has_singles
-- scope: system. Whether single messages were taken today or yesterday, or some are still to be sent: the first one of a day must
-- find room too. Days are few; rides on campaign_rolling.
SELECT EXISTS (SELECT FROM rolling_campaign WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1)
    OR EXISTS (SELECT FROM campaign WHERE state = 'sending' AND is_rolling)
