-- Neighbouring batches of single messages become one when they are claimed (runs.sql), and those that are joined to the first go.
-- For each that goes, its foreign keys are checked: without these indexes that reads every attempt, and every batch of the day.
CREATE INDEX attempt_batch ON attempt (batch_id);
CREATE INDEX batch_chunk ON batch (tenant_id, campaign_id, chunk_no);
