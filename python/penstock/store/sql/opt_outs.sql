-- name: add_opt_outs
-- Numbers that were not opted out before.
INSERT INTO opt_out (tenant_id, msisdn, source)
SELECT DISTINCT $1::int4, o.msisdn, $3 FROM unnest($2::int8[]) AS o(msisdn) ORDER BY o.msisdn
ON CONFLICT DO NOTHING RETURNING msisdn

-- name: list_opt_outs
-- A page after the given number; rides on the primary key.
SELECT msisdn, source, created_at FROM opt_out WHERE tenant_id = $1 AND msisdn > $2 ORDER BY msisdn LIMIT $3

-- name: pack_opt_outs
-- Every opted-out number as packed big-endian int64, for the upload's parser. One value, no row per number.
SELECT coalesce(string_agg(int8send(msisdn), ''::bytea), ''::bytea) FROM opt_out WHERE tenant_id = $1

-- name: remove_opt_outs
-- Those of the numbers that were opted out.
DELETE FROM opt_out WHERE tenant_id = $1 AND msisdn = ANY($2::int8[]) RETURNING msisdn
