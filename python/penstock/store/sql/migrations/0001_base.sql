-- The whole model of the first release: tenants, campaigns, what is stored, what is sent, what came back, and the books.

CREATE TYPE campaign_state AS ENUM ('draft', 'scheduled', 'sending', 'paused', 'completed', 'canceled', 'failed');
CREATE TYPE batch_state AS ENUM ('pending', 'sending', 'settled', 'unknown', 'dead');
-- The order is part of the rule: a report applies only where state < 'delivered' AND state < the reported one.
CREATE TYPE message_state AS ENUM ('queued', 'unknown', 'sent', 'delivered', 'undelivered', 'expired', 'rejected', 'canceled');
CREATE TYPE attempt_state AS ENUM ('open', 'accepted', 'not_sent', 'throttled', 'held', 'split', 'refused', 'unknown');
CREATE TYPE upload_state AS ENUM ('open', 'complete');

-- What this database is for; a program started in the other mode refuses it.
CREATE TABLE installation (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode       text NOT NULL CHECK (mode IN ('mock', 'real')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenant (
    tenant_id      int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    created_at     timestamptz NOT NULL DEFAULT now(),
    deactivated_at timestamptz
);

-- Keys are random and long, so a plain SHA-256 cannot be guessed back; the key itself is shown once and never stored.
CREATE TABLE api_key (
    key_id     int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  int4 NOT NULL REFERENCES tenant,
    key_hash   bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    prefix     text NOT NULL,
    label      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- A traffic account at the provider: its holds are the circuit breaker that all processes share.
CREATE TABLE account (
    account_id          text PRIMARY KEY,
    held_until          timestamptz,
    held_reason         text,
    backoff_step        int4 NOT NULL DEFAULT 0,
    refused_in_a_row    int4 NOT NULL DEFAULT 0,
    learned_batch_size  int4
);

CREATE TABLE campaign (
    tenant_id      int4 NOT NULL REFERENCES tenant,
    campaign_id    uuid NOT NULL,
    state          campaign_state NOT NULL DEFAULT 'draft',
    name           text NOT NULL,
    text           text NOT NULL,
    sender         text NOT NULL,
    account_id     text NOT NULL REFERENCES account,
    default_region text,
    countries      text[],
    max_parts      int4 NOT NULL,
    validity_s     int4,
    next_seq       int4 NOT NULL DEFAULT 0,
    next_chunk     int4 NOT NULL DEFAULT 0,
    next_upload    int4 NOT NULL DEFAULT 0,
    segments       int8 NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    expires_at     timestamptz,
    completed_at   timestamptz,
    PRIMARY KEY (tenant_id, campaign_id)
);
CREATE INDEX campaign_sending ON campaign (campaign_id) WHERE state = 'sending';

CREATE TABLE upload (
    tenant_id    int4 NOT NULL,
    campaign_id  uuid NOT NULL,
    upload_no    int4 NOT NULL,
    upload_id    text NOT NULL,
    format       text NOT NULL,
    phone_column text,
    state        upload_state NOT NULL DEFAULT 'open',
    token        uuid NOT NULL,
    byte_offset  int8 NOT NULL DEFAULT 0,
    line         int8 NOT NULL DEFAULT 0,
    rows         int8 NOT NULL DEFAULT 0,
    digest       bytea,
    header       text,
    accepted     int8 NOT NULL DEFAULT 0,
    skipped      int8 NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now(),
    touched_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, campaign_id, upload_no),
    UNIQUE (tenant_id, campaign_id, upload_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign
);
CREATE UNIQUE INDEX upload_one_open ON upload (tenant_id, campaign_id) WHERE state = 'open';

-- What one ingest transaction stored. The payload is never changed and already dense: no compression, so that it is read as it lies.
CREATE TABLE chunk (
    tenant_id   int4 NOT NULL,
    campaign_id uuid NOT NULL,
    chunk_no    int4 NOT NULL,
    first_seq   int4 NOT NULL,
    messages    int4 NOT NULL,
    codec       int4 NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- Opt-outs of before this instant were left out when the chunk was made; later ones are left out at the claim.
    opt_outs_at timestamptz NOT NULL DEFAULT now(),
    payload     bytea NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, chunk_no),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign
);

ALTER TABLE chunk ALTER COLUMN payload SET STORAGE EXTERNAL;

-- A range of sequence numbers inside one chunk; this narrow table is the queue.
CREATE TABLE batch (
    batch_id    int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   int4 NOT NULL,
    campaign_id uuid NOT NULL,
    chunk_no    int4 NOT NULL,
    first_seq   int4 NOT NULL,
    last_seq    int4 NOT NULL CHECK (last_seq >= first_seq),
    segments    int4 NOT NULL,
    attempts    int4 NOT NULL DEFAULT 0,
    state       batch_state NOT NULL DEFAULT 'pending',
    due_at      timestamptz NOT NULL DEFAULT now(),
    attempt_id  uuid,
    excluded    bytea,
    FOREIGN KEY (tenant_id, campaign_id, chunk_no) REFERENCES chunk
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX batch_ready ON batch (campaign_id, state, due_at, first_seq);

-- State only. No index on a column that changes with the state, but for provider_id, which is set once (per partition, below).
CREATE TABLE message (
    campaign_id      uuid NOT NULL,
    tenant_id        int4 NOT NULL,
    seq              int4 NOT NULL,
    msisdn           int8 NOT NULL,
    segments         int2 NOT NULL,
    state            message_state NOT NULL DEFAULT 'queued',
    sent_at          timestamptz,
    final_at         timestamptz,
    report_closed_at timestamptz,
    provider_id      text COLLATE "C",
    error            text,
    PRIMARY KEY (tenant_id, campaign_id, seq)
) PARTITION BY RANGE (campaign_id);

CREATE TABLE skipped (
    campaign_id uuid NOT NULL,
    tenant_id   int4 NOT NULL,
    upload_no   int4 NOT NULL,
    line        int8 NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, upload_no, line)
);

-- Committed before any byte leaves. What it says is enough to render the same body again.
CREATE TABLE attempt (
    attempt_id  uuid PRIMARY KEY,
    tenant_id   int4 NOT NULL,
    campaign_id uuid NOT NULL,
    batch_id    int8 NOT NULL REFERENCES batch,
    account_id  text NOT NULL,
    first_seq   int4 NOT NULL,
    last_seq    int4 NOT NULL,
    messages    int4 NOT NULL,
    segments    int4 NOT NULL,
    excluded    bytea,
    digest      bytea NOT NULL,
    codec       int4 NOT NULL,
    worker      text NOT NULL,
    state       attempt_state NOT NULL DEFAULT 'open',
    started_at  timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz NOT NULL,
    closed_at   timestamptz,
    detail      text,
    hints       text[]
) WITH (fillfactor = 80);
CREATE INDEX attempt_open ON attempt (lease_until) WHERE state = 'open';
CREATE INDEX attempt_campaign ON attempt (campaign_id, attempt_id);

-- Counters are deltas written in the transaction of the change they count, folded behind: no hot counter row.
CREATE TABLE counter_delta (
    delta_id    int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   int4 NOT NULL,
    campaign_id uuid NOT NULL,
    counter     text NOT NULL,
    n           int8 NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX counter_delta_campaign ON counter_delta (campaign_id);

CREATE TABLE counter (
    tenant_id   int4 NOT NULL,
    campaign_id uuid NOT NULL,
    counter     text NOT NULL,
    n           int8 NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, counter)
) WITH (fillfactor = 50);

-- Delivery reports as they came: one row a flush, one JSON object a line. A page is applied whole.
CREATE TABLE report_page (
    page_id     int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at  timestamptz,
    reports     int4 NOT NULL,
    body        bytea NOT NULL
);
ALTER TABLE report_page ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX report_page_open ON report_page (page_id) WHERE applied_at IS NULL;

-- Reports whose message is not known (yet): the answer to the send may still be on its way.
CREATE TABLE parked_report (
    parked_id   int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id text COLLATE "C" NOT NULL,
    status      text NOT NULL,
    at_us       int8,
    error       text,
    received_at timestamptz NOT NULL,
    tries       int4 NOT NULL DEFAULT 0,
    next_try_at timestamptz
);
CREATE INDEX parked_report_due ON parked_report (next_try_at) WHERE next_try_at IS NOT NULL;

-- A second, different final: the first is kept, the second recorded.
CREATE TABLE report_conflict (
    conflict_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id text COLLATE "C" NOT NULL,
    status      text NOT NULL,
    at_us       int8,
    error       text,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX report_conflict_id ON report_conflict (provider_id);

CREATE TABLE opt_out (
    tenant_id  int4 NOT NULL REFERENCES tenant,
    msisdn     int8 NOT NULL,
    source     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, msisdn)
);
CREATE INDEX opt_out_recent ON opt_out (tenant_id, created_at);

-- The smallest version 7 UUID of an instant.
CREATE FUNCTION uuid7_floor(instant timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    RETURN (lpad(to_hex((extract(epoch FROM instant) * 1000)::int8), 12, '0') || repeat('0', 20))::uuid;

-- One partition a UTC month, by the time inside the campaign id. The provider's id is unique within a partition: an id that is
-- already known then fails the settle, which is how an answer that repeats an old id is found without a look-up per message.
CREATE FUNCTION premake_message_partitions(from_instant timestamptz, months int4) RETURNS int4
    LANGUAGE plpgsql AS $$
DECLARE
    month_start timestamp := date_trunc('month', from_instant AT TIME ZONE 'UTC');
    part text;
    made int4 := 0;
BEGIN
    FOR i IN 0 .. months LOOP
        part := 'message_' || to_char(month_start, 'YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF message FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = 70)', part,
                uuid7_floor(month_start AT TIME ZONE 'UTC'),
                uuid7_floor((month_start + interval '1 month') AT TIME ZONE 'UTC'));
            EXECUTE format('CREATE UNIQUE INDEX %I ON %I (provider_id) WHERE provider_id IS NOT NULL', part || '_provider_id', part);
            made := made + 1;
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

SELECT premake_message_partitions(now() - interval '1 day', 2);
