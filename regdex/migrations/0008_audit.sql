-- What the last audit of a registry has found: answers that were asked for again, and those that differed.
ALTER TABLE registry
    ADD COLUMN verified_at       timestamptz,
    ADD COLUMN verified_sampled  bigint NOT NULL DEFAULT 0,
    ADD COLUMN verified_differed bigint NOT NULL DEFAULT 0;
