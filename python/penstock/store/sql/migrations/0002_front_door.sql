-- What the API promises its callers: keys with scopes, tenants' own settings, repeated requests, single messages, controls
-- over a campaign that runs, events from elsewhere, and a record of what operators did.

-- Settings are read as one typed value (store/tenants.py); a field that is missing has its default.
ALTER TABLE tenant ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

ALTER TABLE api_key
    ADD COLUMN scopes       text[] NOT NULL DEFAULT '{send,read,manage}',
    ADD COLUMN expires_at   timestamptz,
    -- How long it was made for, whatever a rotation did to its end: the key that replaces it is made for as long.
    ADD COLUMN lifetime     interval,
    ADD COLUMN last_used_at timestamptz;

-- How a caller who is not known yet finds the owner of a key: by its hash, one key, and nothing else of the table, which
-- row-level security hides from them. The body was bound to these tables when it was made: no search path leads it elsewhere.
CREATE FUNCTION find_key_owner(given bytea)
    RETURNS TABLE (tenant_id int4, key_id int8, scopes text[], settings jsonb, expires_in_s float8, is_use_unrecorded boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tenant_id, k.key_id, k.scopes, t.settings, extract(epoch FROM k.expires_at - now())::float8,
           coalesce(k.last_used_at < now() - interval '1 minute', true)
    FROM api_key k JOIN tenant t ON t.tenant_id = k.tenant_id
    WHERE k.key_hash = find_key_owner.given AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
      AND t.deactivated_at IS NULL;
END;
REVOKE ALL ON FUNCTION find_key_owner FROM PUBLIC;

-- A rolling campaign takes single messages for a day and never ends before it; every other campaign has no kind of its own.
ALTER TABLE campaign
    ADD COLUMN is_rolling  boolean NOT NULL DEFAULT false,
    ADD COLUMN closes_at   timestamptz,
    ADD COLUMN send_at     timestamptz,
    ADD COLUMN pace_s      int4,
    ADD COLUMN paced_from  timestamptz,
    ADD COLUMN paused_at   timestamptz,
    ADD COLUMN pause_reason text,
    ADD COLUMN auto_pause  jsonb,
    -- The books at the last resume: the rule judges what came after it.
    ADD COLUMN auto_pause_base jsonb,
    ADD COLUMN longest     int2 NOT NULL DEFAULT 0,
    ADD COLUMN retry_of    uuid;
CREATE INDEX campaign_scheduled ON campaign (send_at) WHERE state = 'scheduled';
-- Canceled campaigns of which something may still be queued or on its way.
CREATE INDEX campaign_canceled ON campaign (campaign_id) WHERE state = 'canceled' AND completed_at IS NULL;
CREATE INDEX campaign_by_state ON campaign (tenant_id, state, campaign_id);
CREATE INDEX campaign_by_name ON campaign (tenant_id, name, campaign_id);
-- One retry a campaign, or the same recipients would be written to by two.
CREATE UNIQUE INDEX campaign_retry ON campaign (tenant_id, retry_of) WHERE retry_of IS NOT NULL;

-- Where the next single messages of a tenant go. Apart from the campaign's own row, because claims hold that one in share mode.
-- Those with a time to wait for have a campaign of their own, so that the others stay neighbours and go out together.
CREATE TABLE rolling_campaign (
    tenant_id   int4 NOT NULL REFERENCES tenant,
    day         date NOT NULL,
    account_id  text NOT NULL REFERENCES account,
    sender      text NOT NULL,
    is_later    boolean NOT NULL,
    campaign_id uuid NOT NULL,
    next_seq    int4 NOT NULL DEFAULT 0,
    next_chunk  int4 NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day, account_id, sender, is_later)
);
CREATE INDEX campaign_rolling ON campaign (campaign_id) WHERE state = 'sending' AND is_rolling;

-- The caller's own name of a single message; not unique.
CREATE TABLE message_reference (
    tenant_id   int4 NOT NULL,
    reference   text COLLATE "C" NOT NULL,
    campaign_id uuid NOT NULL,
    seq         int4 NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, seq)
);
CREATE INDEX message_reference_text ON message_reference (tenant_id, reference, campaign_id, seq);

-- Look-up by number, filled behind in sorted steps: an index on message itself would cost half of COPY and settle.
CREATE TABLE number_index (
    tenant_id   int4 NOT NULL,
    msisdn      int8 NOT NULL,
    campaign_id uuid NOT NULL,
    seq         int4 NOT NULL,
    PRIMARY KEY (tenant_id, msisdn, campaign_id, seq)
);
ALTER TABLE chunk ADD COLUMN is_indexed boolean NOT NULL DEFAULT false;
CREATE INDEX chunk_unindexed ON chunk (created_at) WHERE NOT is_indexed;

-- From a message to its chunk, and to the attempts that covered it: those that end in its chunk, not before it.
CREATE INDEX chunk_range ON chunk (campaign_id, first_seq);
CREATE INDEX attempt_range ON attempt (campaign_id, last_seq);

-- One row a request that was answered and must be answered alike. Written first, in the transaction of its effect.
-- `variant` is empty, or the fingerprint where a tenant says that the same key with another body is another request.
CREATE TABLE idempotency_key (
    tenant_id   int4 NOT NULL REFERENCES tenant,
    route       text NOT NULL,
    key         text COLLATE "C" NOT NULL,
    variant     bytea NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    status      int2,
    headers     jsonb,
    body        bytea,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, route, key, variant)
);
CREATE INDEX idempotency_key_expiry ON idempotency_key (expires_at);

-- How the events of a source are told apart, and the message that one of them sends.
CREATE TABLE ingest_source (
    tenant_id  int4 NOT NULL REFERENCES tenant,
    source     text COLLATE "C" NOT NULL,
    identity   text NOT NULL CHECK (identity IN ('key', 'reference', 'content')),
    rule       jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source)
);

CREATE TABLE ingest_event (
    tenant_id   int4 NOT NULL,
    source      text COLLATE "C" NOT NULL,
    identity    bytea NOT NULL CHECK (length(identity) = 32),
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    body        bytea NOT NULL,
    message_id  text,
    PRIMARY KEY (tenant_id, source, identity)
);
ALTER TABLE ingest_event ALTER COLUMN body SET STORAGE EXTERNAL;

-- Every act of an operator, for ever: rows are added and never changed.
CREATE TABLE audit (
    audit_id  int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,
    action    text NOT NULL,
    tenant_id int4,
    subject   text NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_tenant ON audit (tenant_id, audit_id);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
