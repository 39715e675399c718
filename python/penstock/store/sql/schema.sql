-- The whole schema, for reading: generated from the migrations by tests/store/schema_dump.py, never run by the program.
-- Message partitions, one a month, are made by premake_message_partitions.

CREATE TYPE public.attempt_state AS ENUM (
    'open',
    'accepted',
    'not_sent',
    'throttled',
    'held',
    'split',
    'refused',
    'unknown',
    'resent'
);

CREATE TYPE public.batch_state AS ENUM (
    'pending',
    'sending',
    'settled',
    'unknown',
    'dead'
);

CREATE TYPE public.campaign_state AS ENUM (
    'draft',
    'scheduled',
    'sending',
    'paused',
    'completed',
    'canceled',
    'failed'
);

CREATE TYPE public.look_up_kind AS ENUM (
    'unknown',
    'order',
    'silent'
);

CREATE TYPE public.message_state AS ENUM (
    'queued',
    'unknown',
    'sent',
    'delivered',
    'undelivered',
    'expired',
    'rejected',
    'canceled'
);

CREATE TYPE public.upload_state AS ENUM (
    'open',
    'complete'
);

CREATE FUNCTION public.drop_message_partition(month_start timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    SET lock_timeout TO '100ms'
    AS $$
DECLARE
    month text := to_char(month_start AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'number_index_' || month);
    EXECUTE format('DROP TABLE IF EXISTS %I', 'message_' || month);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

CREATE TABLE public.api_key (
    key_id bigint NOT NULL,
    tenant_id integer NOT NULL,
    key_hash bytea NOT NULL,
    prefix text NOT NULL,
    label text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    scopes text[] DEFAULT '{send,read,manage}'::text[] NOT NULL,
    expires_at timestamp with time zone,
    lifetime interval,
    last_used_at timestamp with time zone,
    CONSTRAINT api_key_key_hash_check CHECK ((length(key_hash) = 32))
);

CREATE TABLE public.tenant (
    tenant_id integer NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deactivated_at timestamp with time zone,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT tenant_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);

CREATE FUNCTION public.find_key_owner(given bytea) RETURNS TABLE(tenant_id integer, key_id bigint, scopes text[], settings jsonb, expires_in_s double precision, is_use_unrecorded boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT t.tenant_id,
     k.key_id,
     k.scopes,
     t.settings,
     (EXTRACT(epoch FROM (k.expires_at - now())))::double precision AS "extract",
     COALESCE((k.last_used_at < (now() - '00:01:00'::interval)), true) AS "coalesce"
    FROM (public.api_key k
      JOIN public.tenant t ON ((t.tenant_id = k.tenant_id)))
   WHERE ((k.key_hash = find_key_owner.given) AND (k.revoked_at IS NULL) AND ((k.expires_at IS NULL) OR (k.expires_at > now())) AND (t.deactivated_at IS NULL));
END;

CREATE FUNCTION public.premake_message_partitions(from_instant timestamp with time zone, months integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    month_start timestamp := date_trunc('month', from_instant AT TIME ZONE 'UTC');
    first_id uuid;
    next_id uuid;
    month text;
    made int4 := 0;
BEGIN
    FOR i IN 0 .. months LOOP
        month := to_char(month_start, 'YYYY_MM');
        first_id := uuid7_floor(month_start AT TIME ZONE 'UTC');
        next_id := uuid7_floor((month_start + interval '1 month') AT TIME ZONE 'UTC');
        IF to_regclass('message_' || month) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF message FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = 70)',
                'message_' || month, first_id, next_id);
            EXECUTE format('CREATE UNIQUE INDEX %I ON %I (provider_id) WHERE provider_id IS NOT NULL',
                'message_' || month || '_provider_id', 'message_' || month);
            made := made + 1;
        END IF;
        IF to_regclass('number_index_' || month) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF number_index FOR VALUES FROM (%L) TO (%L)',
                'number_index_' || month, first_id, next_id);
        END IF;
        month_start := month_start + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to';
END $$;

CREATE FUNCTION public.uuid7_floor(instant timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    RETURN ((lpad(to_hex(((EXTRACT(epoch FROM instant) * (1000)::numeric))::bigint), 12, '0'::text) || repeat('0'::text, 20)))::uuid;

CREATE TABLE public.account (
    account_id text NOT NULL,
    held_until timestamp with time zone,
    held_reason text,
    backoff_step integer DEFAULT 0 NOT NULL,
    refused_in_a_row integer DEFAULT 0 NOT NULL,
    learned_batch_size integer,
    requests_max integer,
    segments_per_s integer,
    CONSTRAINT account_requests_max_check CHECK ((requests_max > 0)),
    CONSTRAINT account_segments_per_s_check CHECK ((segments_per_s > 0))
);

ALTER TABLE public.api_key ALTER COLUMN key_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_key_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.attempt (
    attempt_id uuid NOT NULL,
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    batch_id bigint NOT NULL,
    account_id text NOT NULL,
    first_seq integer NOT NULL,
    last_seq integer NOT NULL,
    messages integer NOT NULL,
    segments integer NOT NULL,
    excluded bytea,
    digest bytea NOT NULL,
    codec integer NOT NULL,
    worker text NOT NULL,
    state public.attempt_state DEFAULT 'open'::public.attempt_state NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    detail text,
    hints text[],
    has_references boolean DEFAULT false NOT NULL,
    mapping text,
    is_asked boolean DEFAULT false NOT NULL,
    CONSTRAINT attempt_mapping_check CHECK ((mapping = ANY (ARRAY['sampled'::text, 'confirmed'::text, 'contradicted'::text, 'unproven'::text])))
)
WITH (fillfactor='80');

CREATE TABLE public.audit (
    audit_id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    tenant_id integer,
    subject text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE public.audit ALTER COLUMN audit_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.batch (
    batch_id bigint NOT NULL,
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    chunk_no integer NOT NULL,
    first_seq integer NOT NULL,
    last_seq integer NOT NULL,
    segments integer NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    state public.batch_state DEFAULT 'pending'::public.batch_state NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempt_id uuid,
    excluded bytea,
    zone_group text,
    failure text,
    failed_at timestamp with time zone,
    CONSTRAINT batch_check CHECK ((last_seq >= first_seq))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');

ALTER TABLE public.batch ALTER COLUMN batch_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.batch_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.campaign (
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    state public.campaign_state DEFAULT 'draft'::public.campaign_state NOT NULL,
    name text NOT NULL,
    text text NOT NULL,
    sender text NOT NULL,
    account_id text NOT NULL,
    default_region text,
    countries text[],
    max_parts integer NOT NULL,
    validity_s integer,
    next_seq integer DEFAULT 0 NOT NULL,
    next_chunk integer DEFAULT 0 NOT NULL,
    next_upload integer DEFAULT 0 NOT NULL,
    segments bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    expires_at timestamp with time zone,
    completed_at timestamp with time zone,
    is_rolling boolean DEFAULT false NOT NULL,
    closes_at timestamp with time zone,
    send_at timestamp with time zone,
    pace_s integer,
    paced_from timestamp with time zone,
    paused_at timestamp with time zone,
    pause_reason text,
    auto_pause jsonb,
    auto_pause_base jsonb,
    longest smallint DEFAULT 0 NOT NULL,
    retry_of uuid,
    resend_unknown_after_s integer,
    quiet_hours jsonb,
    messages_dropped_at timestamp with time zone
);

CREATE TABLE public.chunk (
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    chunk_no integer NOT NULL,
    first_seq integer NOT NULL,
    messages integer NOT NULL,
    codec integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    opt_outs_at timestamp with time zone DEFAULT now() NOT NULL,
    payload bytea NOT NULL,
    is_indexed boolean DEFAULT false NOT NULL
);
ALTER TABLE ONLY public.chunk ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE public.counter (
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    counter text NOT NULL,
    n bigint NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.counter_delta (
    delta_id bigint NOT NULL,
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    counter text NOT NULL,
    n bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');

ALTER TABLE public.counter_delta ALTER COLUMN delta_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.counter_delta_delta_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.finding (
    finding_id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    tenant_id integer,
    campaign_id uuid,
    is_repaired boolean NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.finding ALTER COLUMN finding_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.finding_finding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.idempotency_key (
    tenant_id integer NOT NULL,
    route text NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    variant bytea NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_key_fingerprint_check CHECK ((length(fingerprint) = 32))
);

CREATE TABLE public.ingest_event (
    tenant_id integer NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    identity bytea NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    body bytea NOT NULL,
    message_id text,
    CONSTRAINT ingest_event_identity_check CHECK ((length(identity) = 32))
);
ALTER TABLE ONLY public.ingest_event ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE public.ingest_source (
    tenant_id integer NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    identity text NOT NULL,
    rule jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ingest_source_identity_check CHECK ((identity = ANY (ARRAY['key'::text, 'reference'::text, 'content'::text])))
);

CREATE TABLE public.installation (
    only_row boolean DEFAULT true NOT NULL,
    mode text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT installation_mode_check CHECK ((mode = ANY (ARRAY['mock'::text, 'real'::text]))),
    CONSTRAINT installation_only_row_check CHECK (only_row)
);

CREATE TABLE public.look_up (
    look_up_id bigint NOT NULL,
    kind public.look_up_kind NOT NULL,
    provider_id text NOT NULL COLLATE pg_catalog."C",
    attempt_id uuid,
    seq integer,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone,
    result text,
    answered_at timestamp with time zone
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');

ALTER TABLE public.look_up ALTER COLUMN look_up_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.look_up_look_up_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.message (
    campaign_id uuid NOT NULL,
    tenant_id integer NOT NULL,
    seq integer NOT NULL,
    msisdn bigint NOT NULL,
    segments smallint NOT NULL,
    state public.message_state DEFAULT 'queued'::public.message_state NOT NULL,
    sent_at timestamp with time zone,
    final_at timestamp with time zone,
    report_closed_at timestamp with time zone,
    provider_id text COLLATE pg_catalog."C",
    error text
)
PARTITION BY RANGE (campaign_id);

CREATE TABLE public.message_reference (
    tenant_id integer NOT NULL,
    reference text NOT NULL COLLATE pg_catalog."C",
    campaign_id uuid NOT NULL,
    seq integer NOT NULL
);

CREATE TABLE public.number_index (
    tenant_id integer NOT NULL,
    msisdn bigint NOT NULL,
    campaign_id uuid NOT NULL,
    seq integer NOT NULL
)
PARTITION BY RANGE (campaign_id);

CREATE TABLE public.opt_out (
    tenant_id integer NOT NULL,
    msisdn bigint NOT NULL,
    source text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.parked_report (
    parked_id bigint NOT NULL,
    provider_id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL,
    at_us bigint,
    error text,
    received_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone
);

ALTER TABLE public.parked_report ALTER COLUMN parked_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.parked_report_parked_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.process (
    worker text NOT NULL,
    role text NOT NULL,
    is_sending boolean NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    limiter_parts integer DEFAULT 0 NOT NULL,
    CONSTRAINT process_limiter_parts_check CHECK ((limiter_parts >= 0))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.recount (
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    recounted_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.report_conflict (
    conflict_id bigint NOT NULL,
    provider_id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL,
    at_us bigint,
    error text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.report_conflict ALTER COLUMN conflict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_conflict_conflict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.report_page (
    page_id bigint NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_at timestamp with time zone,
    reports integer NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE ONLY public.report_page ALTER COLUMN body SET STORAGE EXTERNAL;

ALTER TABLE public.report_page ALTER COLUMN page_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_page_page_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rolling_campaign (
    tenant_id integer NOT NULL,
    day date NOT NULL,
    account_id text NOT NULL,
    sender text NOT NULL,
    is_later boolean NOT NULL,
    campaign_id uuid NOT NULL,
    next_seq integer DEFAULT 0 NOT NULL,
    next_chunk integer DEFAULT 0 NOT NULL
);

CREATE TABLE public.schema_migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.skipped (
    campaign_id uuid NOT NULL,
    tenant_id integer NOT NULL,
    upload_no integer NOT NULL,
    line bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL
);

ALTER TABLE public.tenant ALTER COLUMN tenant_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tenant_tenant_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.upload (
    tenant_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    upload_no integer NOT NULL,
    upload_id text NOT NULL,
    format text NOT NULL,
    phone_column text,
    state public.upload_state DEFAULT 'open'::public.upload_state NOT NULL,
    token uuid NOT NULL,
    byte_offset bigint DEFAULT 0 NOT NULL,
    line bigint DEFAULT 0 NOT NULL,
    rows bigint DEFAULT 0 NOT NULL,
    digest bytea,
    header text,
    accepted bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    touched_at timestamp with time zone DEFAULT now() NOT NULL,
    zone_column text
);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (attempt_id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (audit_id);

ALTER TABLE ONLY public.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (batch_id);

ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (tenant_id, campaign_id);

ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (tenant_id, campaign_id, chunk_no);

ALTER TABLE ONLY public.counter_delta
    ADD CONSTRAINT counter_delta_pkey PRIMARY KEY (delta_id);

ALTER TABLE ONLY public.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (tenant_id, campaign_id, counter);

ALTER TABLE ONLY public.finding
    ADD CONSTRAINT finding_kind_subject_key UNIQUE (kind, subject);

ALTER TABLE ONLY public.finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (finding_id);

ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (tenant_id, route, key, variant);

ALTER TABLE ONLY public.ingest_event
    ADD CONSTRAINT ingest_event_pkey PRIMARY KEY (tenant_id, source, identity);

ALTER TABLE ONLY public.ingest_source
    ADD CONSTRAINT ingest_source_pkey PRIMARY KEY (tenant_id, source);

ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.look_up
    ADD CONSTRAINT look_up_pkey PRIMARY KEY (look_up_id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (tenant_id, campaign_id, seq);

ALTER TABLE ONLY public.message_reference
    ADD CONSTRAINT message_reference_pkey PRIMARY KEY (tenant_id, campaign_id, seq);

ALTER TABLE ONLY public.number_index
    ADD CONSTRAINT number_index_pkey PRIMARY KEY (tenant_id, msisdn, campaign_id, seq);

ALTER TABLE ONLY public.opt_out
    ADD CONSTRAINT opt_out_pkey PRIMARY KEY (tenant_id, msisdn);

ALTER TABLE ONLY public.parked_report
    ADD CONSTRAINT parked_report_pkey PRIMARY KEY (parked_id);

ALTER TABLE ONLY public.process
    ADD CONSTRAINT process_pkey PRIMARY KEY (worker);

ALTER TABLE ONLY public.recount
    ADD CONSTRAINT recount_pkey PRIMARY KEY (tenant_id, campaign_id);

ALTER TABLE ONLY public.report_conflict
    ADD CONSTRAINT report_conflict_pkey PRIMARY KEY (conflict_id);

ALTER TABLE ONLY public.report_page
    ADD CONSTRAINT report_page_pkey PRIMARY KEY (page_id);

ALTER TABLE ONLY public.rolling_campaign
    ADD CONSTRAINT rolling_campaign_pkey PRIMARY KEY (tenant_id, day, account_id, sender, is_later);

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.skipped
    ADD CONSTRAINT skipped_pkey PRIMARY KEY (tenant_id, campaign_id, upload_no, line);

ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT tenant_name_key UNIQUE (name);

ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.upload
    ADD CONSTRAINT upload_pkey PRIMARY KEY (tenant_id, campaign_id, upload_no);

ALTER TABLE ONLY public.upload
    ADD CONSTRAINT upload_tenant_id_campaign_id_upload_id_key UNIQUE (tenant_id, campaign_id, upload_id);

CREATE INDEX attempt_batch ON public.attempt USING btree (batch_id);

CREATE INDEX attempt_campaign ON public.attempt USING btree (campaign_id, attempt_id);

CREATE INDEX attempt_contradicted ON public.attempt USING btree (batch_id) WHERE (mapping = 'contradicted'::text);

CREATE INDEX attempt_open ON public.attempt USING btree (lease_until) WHERE (state = 'open'::public.attempt_state);

CREATE INDEX attempt_range ON public.attempt USING btree (campaign_id, last_seq);

CREATE INDEX attempt_unasked ON public.attempt USING btree (closed_at) WHERE ((state = ANY (ARRAY['accepted'::public.attempt_state, 'unknown'::public.attempt_state])) AND (NOT is_asked));

CREATE INDEX attempt_unknown ON public.attempt USING btree (attempt_id) WHERE (state = 'unknown'::public.attempt_state);

CREATE INDEX attempt_unsampled ON public.attempt USING btree (closed_at) WHERE ((state = 'accepted'::public.attempt_state) AND (mapping IS NULL) AND (messages > 1));

CREATE INDEX audit_tenant ON public.audit USING btree (tenant_id, audit_id);

CREATE INDEX batch_chunk ON public.batch USING btree (tenant_id, campaign_id, chunk_no);

CREATE INDEX batch_dead ON public.batch USING btree (batch_id) WHERE (state = 'dead'::public.batch_state);

CREATE INDEX batch_ready ON public.batch USING btree (campaign_id, state, due_at, first_seq);

CREATE INDEX batch_unknown ON public.batch USING btree (batch_id) WHERE (state = 'unknown'::public.batch_state);

CREATE INDEX campaign_by_name ON public.campaign USING btree (tenant_id, name, campaign_id);

CREATE INDEX campaign_by_state ON public.campaign USING btree (tenant_id, state, campaign_id);

CREATE INDEX campaign_canceled ON public.campaign USING btree (campaign_id) WHERE ((state = 'canceled'::public.campaign_state) AND (completed_at IS NULL));

CREATE INDEX campaign_expiring ON public.campaign USING btree (expires_at) WHERE ((state = ANY (ARRAY['sending'::public.campaign_state, 'paused'::public.campaign_state])) AND (expires_at IS NOT NULL));

CREATE UNIQUE INDEX campaign_retry ON public.campaign USING btree (tenant_id, retry_of) WHERE (retry_of IS NOT NULL);

CREATE INDEX campaign_rolling ON public.campaign USING btree (campaign_id) WHERE ((state = 'sending'::public.campaign_state) AND is_rolling);

CREATE INDEX campaign_scheduled ON public.campaign USING btree (send_at) WHERE (state = 'scheduled'::public.campaign_state);

CREATE INDEX campaign_sending ON public.campaign USING btree (campaign_id) WHERE (state = 'sending'::public.campaign_state);

CREATE INDEX chunk_range ON public.chunk USING btree (campaign_id, first_seq);

CREATE INDEX chunk_unindexed ON public.chunk USING btree (created_at) WHERE (NOT is_indexed);

CREATE INDEX counter_delta_campaign ON public.counter_delta USING btree (campaign_id);

CREATE INDEX idempotency_key_expiry ON public.idempotency_key USING btree (expires_at);

CREATE INDEX ingest_event_received ON public.ingest_event USING btree (received_at);

CREATE INDEX look_up_answered ON public.look_up USING btree (answered_at) WHERE (due_at IS NULL);

CREATE INDEX look_up_due ON public.look_up USING btree (kind, due_at) WHERE (due_at IS NOT NULL);

CREATE UNIQUE INDEX look_up_once ON public.look_up USING btree (provider_id, kind);

CREATE INDEX message_reference_text ON public.message_reference USING btree (tenant_id, reference, campaign_id, seq);

CREATE INDEX opt_out_recent ON public.opt_out USING btree (tenant_id, created_at);

CREATE INDEX parked_report_due ON public.parked_report USING btree (next_try_at) WHERE (next_try_at IS NOT NULL);

CREATE INDEX parked_report_id ON public.parked_report USING btree (provider_id);

CREATE INDEX report_conflict_id ON public.report_conflict USING btree (provider_id);

CREATE INDEX report_page_open ON public.report_page USING btree (page_id) WHERE (applied_at IS NULL);

CREATE INDEX tenant_requests_max ON public.tenant USING btree (tenant_id) WHERE (settings ? 'requests_max'::text);

CREATE UNIQUE INDEX upload_one_open ON public.upload USING btree (tenant_id, campaign_id) WHERE (state = 'open'::public.upload_state);

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(tenant_id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batch(batch_id);

ALTER TABLE ONLY public.batch
    ADD CONSTRAINT batch_tenant_id_campaign_id_chunk_no_fkey FOREIGN KEY (tenant_id, campaign_id, chunk_no) REFERENCES public.chunk(tenant_id, campaign_id, chunk_no);

ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(tenant_id);

ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT chunk_tenant_id_campaign_id_fkey FOREIGN KEY (tenant_id, campaign_id) REFERENCES public.campaign(tenant_id, campaign_id);

ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(tenant_id);

ALTER TABLE ONLY public.ingest_source
    ADD CONSTRAINT ingest_source_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(tenant_id);

ALTER TABLE ONLY public.opt_out
    ADD CONSTRAINT opt_out_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(tenant_id);

ALTER TABLE ONLY public.recount
    ADD CONSTRAINT recount_tenant_id_campaign_id_fkey FOREIGN KEY (tenant_id, campaign_id) REFERENCES public.campaign(tenant_id, campaign_id);

ALTER TABLE ONLY public.rolling_campaign
    ADD CONSTRAINT rolling_campaign_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY public.rolling_campaign
    ADD CONSTRAINT rolling_campaign_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(tenant_id);

ALTER TABLE ONLY public.upload
    ADD CONSTRAINT upload_tenant_id_campaign_id_fkey FOREIGN KEY (tenant_id, campaign_id) REFERENCES public.campaign(tenant_id, campaign_id);

ALTER TABLE public.api_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.attempt ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.batch ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.campaign ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.chunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.counter ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.counter_delta ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.finding ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ingest_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ingest_source ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.message ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.message_reference ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.number_index ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.opt_out ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_messages ON public.report_conflict FOR SELECT TO penstock_api USING ((EXISTS ( SELECT
   FROM public.message m
  WHERE (m.provider_id = report_conflict.provider_id))));

CREATE POLICY own_tenant ON public.api_key TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.attempt TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.audit TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.batch TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.campaign TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.chunk TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.counter TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.counter_delta TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.finding TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.idempotency_key TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.ingest_event TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.ingest_source TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.message TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.message_reference TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.number_index TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.opt_out TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.recount TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.rolling_campaign TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.skipped TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.tenant TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

CREATE POLICY own_tenant ON public.upload TO penstock_api USING ((tenant_id = (NULLIF(current_setting('penstock.tenant_id'::text, true), ''::text))::integer));

ALTER TABLE public.recount ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.report_conflict ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rolling_campaign ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.skipped ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tenant ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.upload ENABLE ROW LEVEL SECURITY;
