-- The result of the last audit of a registry: how many answers were compared, and how many differed.
ALTER TABLE registry
    ADD COLUMN verified_at       timestamptz,
    ADD COLUMN verified_sampled  bigint NOT NULL DEFAULT 0,
    ADD COLUMN verified_differed bigint NOT NULL DEFAULT 0;
