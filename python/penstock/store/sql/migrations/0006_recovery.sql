-- What an operator needs to see and repair: why a batch died.

ALTER TABLE batch
    -- Of its latest failure of its own: the class of the error, never its text.
    ADD COLUMN failure   text,
    ADD COLUMN failed_at timestamptz;
CREATE INDEX batch_dead ON batch (batch_id) WHERE state = 'dead';

-- When the messages of a campaign were last counted one by one and held against its books.
CREATE TABLE recount (
    tenant_id    int4 NOT NULL,
    campaign_id  uuid NOT NULL,
    recounted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, campaign_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaign
);

-- What reconciliation came upon: one row a thing, seen again and again until it is mended.
CREATE TABLE finding (
    finding_id  int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    subject     text NOT NULL,
    tenant_id   int4,
    campaign_id uuid,
    is_repaired boolean NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}',
    times       int4 NOT NULL DEFAULT 1,
    found_at    timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, subject)
);
