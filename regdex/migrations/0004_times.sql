-- What senders told of time, beside the time that counts: nothing in the logs lies after its receipt.
--
-- `at` is the sender's time, or the receipt where that is earlier or there was no time. `told_at` is the sender's time
-- where it is not `at`, `told_nanos` the nanoseconds by which it is later, `position` the place in its first delivery.
-- The partial indexes find an event again whose receipt is part of its key.

ALTER TABLE tag_event
    ADD COLUMN told_at     timestamptz,
    ADD COLUMN told_nanos  smallint,
    ADD COLUMN position    bigint;
CREATE INDEX tag_event_received ON tag_event (repository_id, event_key)
    WHERE source = 1 AND (NOT exact OR told_at IS NOT NULL);

ALTER TABLE manifest_event
    ADD COLUMN told_at     timestamptz,
    ADD COLUMN told_nanos  smallint,
    ADD COLUMN position    bigint;
CREATE INDEX manifest_event_received ON manifest_event (repository_id, event_key)
    WHERE source = 1 AND (NOT exact OR told_at IS NOT NULL);

ALTER TABLE repository_event
    ADD COLUMN told_at     timestamptz,
    ADD COLUMN told_nanos  smallint,
    ADD COLUMN position    bigint;

-- Not exact: the sender told no time that can be true, and `at` is the receipt.
ALTER TABLE pull_event
    ADD COLUMN told_at  timestamptz,
    ADD COLUMN exact    boolean NOT NULL DEFAULT true;
CREATE INDEX pull_event_received ON pull_event (repository_id, event_key) WHERE NOT exact OR told_at IS NOT NULL;

-- What a pull said that raised a question about a tag: it is kept as an observation if the answer is a third digest.
-- A withdrawable question falls when the logs no longer contradict themselves, and tell what the pull has shown.
ALTER TABLE question
    ADD COLUMN pulled_digest_id  bigint,
    ADD COLUMN pulled_at         timestamptz,
    ADD COLUMN withdrawable      boolean NOT NULL DEFAULT false,
    -- Asked to be sure only: answers are complete while it waits.
    ADD COLUMN is_check          boolean NOT NULL DEFAULT false;

-- Repositories from this number on may have rows that lie after this time, from before clocks were held against the
-- receipt; a job works its way up. Null: none.
ALTER TABLE instance
    ADD COLUMN mending_from   bigint,
    ADD COLUMN mending_since  timestamptz;
UPDATE instance
   SET mending_from = 0, mending_since = now()
 WHERE EXISTS (SELECT FROM registry WHERE events_through > now())
    OR EXISTS (SELECT FROM tag_event WHERE at > now())
    OR EXISTS (SELECT FROM manifest_event WHERE at > now())
    OR EXISTS (SELECT FROM pull_event WHERE at > now());
