-- Limits that change without a restart, and shares of them that processes announce while Redis is away.

-- One part in so many of every limit; 0: none, the process counts in the shared windows. Said by every beat.
ALTER TABLE process
    DROP COLUMN limiter_mode,
    ADD COLUMN limiter_parts int4 NOT NULL DEFAULT 0 CHECK (limiter_parts >= 0);

-- In place of what the settings say; NULL: they hold. A tenant's own limit of requests is among its settings.
ALTER TABLE account
    ADD COLUMN requests_max   int4 CHECK (requests_max > 0),
    ADD COLUMN segments_per_s int4 CHECK (segments_per_s > 0);
CREATE INDEX tenant_requests_max ON tenant (tenant_id) WHERE settings ? 'requests_max';
