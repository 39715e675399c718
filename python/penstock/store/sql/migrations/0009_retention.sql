-- Messages go by whole months when their time is over; what a campaign's books say of them stays. The index of numbers is parted
-- by the same months, so that it goes with them: deleted row by row it would cost more than it did to fill.

-- Set before the first row goes: from then on nothing is stored, read or counted for this campaign.
ALTER TABLE campaign ADD COLUMN messages_dropped_at timestamptz;

CREATE TEMPORARY TABLE number_index_whole ON COMMIT DROP AS SELECT * FROM number_index;
DROP TABLE number_index;
CREATE TABLE number_index (
    tenant_id   int4 NOT NULL,
    msisdn      int8 NOT NULL,
    campaign_id uuid NOT NULL,
    seq         int4 NOT NULL,
    PRIMARY KEY (tenant_id, msisdn, campaign_id, seq)
) PARTITION BY RANGE (campaign_id);

-- As before, and for each month also its part of the index.
CREATE OR REPLACE FUNCTION premake_message_partitions(from_instant timestamptz, months int4) RETURNS int4
    LANGUAGE plpgsql AS $$
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

-- A month with all that lies in it. Whoever sends or asks meanwhile waits for this, and it for them, so it waits for a moment only:
-- false, and nothing has changed, when it was not alone within that. The index first, as everybody else takes them.
CREATE FUNCTION drop_message_partition(month_start timestamptz) RETURNS boolean
    LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    month text := to_char(month_start AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'number_index_' || month);
    EXECUTE format('DROP TABLE IF EXISTS %I', 'message_' || month);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

DO $$
DECLARE
    first_month timestamptz;
    months int4;
BEGIN
    SELECT min(month) AT TIME ZONE 'UTC', (extract(year FROM age(max(month), min(month))) * 12
                                           + extract(month FROM age(max(month), min(month))))::int4
    INTO first_month, months
    FROM (SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS month
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'message'::regclass) parts;
    PERFORM premake_message_partitions(first_month, months);
END $$;

INSERT INTO number_index SELECT * FROM number_index_whole ORDER BY tenant_id, msisdn;

-- Events go by their age.
CREATE INDEX ingest_event_received ON ingest_event (received_at);
