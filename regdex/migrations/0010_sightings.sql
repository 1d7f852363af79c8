-- The order of tags that scans have found first. A scan takes time, so tags without a believable creation time were
-- ordered by the moment at which it came to them, which is the order of their names. The day of the sighting is used now.
--
-- Additive: the previous release uses the older function.

-- As sort_time() with four arguments, except for a tag that a scan (`source` 2) found first: without a believable
-- creation time it is sorted by the beginning of that day in UTC. Equal to `sort_time` in regdex/order.py.
CREATE FUNCTION sort_time(
    exact boolean, pushed_at timestamptz, not_before timestamptz, created_at timestamptz, source smallint
) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN source = 2 AND NOT exact AND not_before IS NULL
                 AND (created_at BETWEEN timestamptz '1990-01-01 00:00:00+00' AND pushed_at) IS NOT TRUE
                THEN date_bin(interval '1 day', pushed_at, timestamptz '1970-01-01 00:00:00+00')
                ELSE sort_time(exact, pushed_at, not_before, created_at) END;

UPDATE instance SET unsorted_through = coalesce((SELECT max(id) FROM repository), 0);
