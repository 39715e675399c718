-- Who is there: every process says so about once a second, by this database's clock.

CREATE TABLE process (
    -- Unique to one start of one process; attempts carry it too.
    worker       text PRIMARY KEY,
    role         text NOT NULL,
    is_sending   boolean NOT NULL,
    limiter_mode text NOT NULL CHECK (limiter_mode IN ('shared', 'local')),
    started_at   timestamptz NOT NULL DEFAULT now(),
    seen_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
