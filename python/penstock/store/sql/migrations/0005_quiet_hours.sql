-- When nothing may be sent to a recipient, by the clocks where the recipient may be.

-- Decided when the campaign is made: by its tenant's setting, or by itself. NULL: at any hour.
ALTER TABLE campaign ADD COLUMN quiet_hours jsonb;
ALTER TABLE upload ADD COLUMN zone_column text;
-- The time zones that count for all messages of the batch, joined by commas. NULL: the campaign has no quiet hours.
ALTER TABLE batch ADD COLUMN zone_group text;

-- What has a validity, for those that expire without ever being claimed.
CREATE INDEX campaign_expiring ON campaign (expires_at) WHERE state IN ('sending', 'paused') AND expires_at IS NOT NULL;
