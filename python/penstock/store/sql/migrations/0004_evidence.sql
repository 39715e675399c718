-- Unknown outcomes are resolved by evidence, answers are proven to be in order, silent messages are asked about: questions to
-- the provider, one message each, from one queue and one budget.

-- The order is the order of urgency.
CREATE TYPE look_up_kind AS ENUM ('unknown', 'order', 'silent');

-- An id that the provider is asked about, once a kind. Without a time it is answered: kept for a while, so that it is not asked
-- about again. Belongs to no tenant: whose message it is is what the question is.
CREATE TABLE look_up (
    look_up_id  int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        look_up_kind NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    attempt_id  uuid,
    seq         int4,
    tries       int4 NOT NULL DEFAULT 0,
    due_at      timestamptz,
    result      text,
    answered_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX look_up_once ON look_up (provider_id, kind);
CREATE INDEX look_up_due ON look_up (kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX look_up_answered ON look_up (answered_at) WHERE due_at IS NULL;

-- Ids sort by their accept time: the reports that may speak of an attempt are those between two ids.
CREATE INDEX parked_report_id ON parked_report (provider_id);

-- An attempt that was given up so that its messages may go out once more, by the campaign's own wish.
ALTER TYPE attempt_state ADD VALUE 'resent';

ALTER TABLE attempt
    -- Whether each message carried its name as `reference`; with the rest of the row it is what the body is rendered from.
    ADD COLUMN has_references boolean NOT NULL DEFAULT false,
    -- Whether the answer was in the request's order: NULL not looked at, then sampled, and confirmed, contradicted or unproven.
    ADD COLUMN mapping text CHECK (mapping IN ('sampled', 'confirmed', 'contradicted', 'unproven')),
    -- Whether its silent messages were asked about.
    ADD COLUMN is_asked boolean NOT NULL DEFAULT false;
CREATE INDEX attempt_unknown ON attempt (attempt_id) WHERE state = 'unknown';
CREATE INDEX attempt_unsampled ON attempt (closed_at) WHERE state = 'accepted' AND mapping IS NULL AND messages > 1;
CREATE INDEX attempt_unasked ON attempt (closed_at) WHERE state IN ('accepted', 'unknown') AND NOT is_asked;
CREATE INDEX attempt_contradicted ON attempt (batch_id) WHERE mapping = 'contradicted';
CREATE INDEX batch_unknown ON batch (batch_id) WHERE state = 'unknown';

-- After so many seconds messages of which nothing could be found out are sent once more; NULL: never.
ALTER TABLE campaign ADD COLUMN resend_unknown_after_s int4;
