-- When single messages are joined into one request, the batches and chunks they came in are deleted. Without these two each such
-- row reads every attempt, and every batch of the day, to see that nothing refers to it: quadratic in a day's messages.

CREATE INDEX attempt_batch ON attempt (batch_id);
CREATE INDEX batch_chunk ON batch (tenant_id, campaign_id, chunk_no);
