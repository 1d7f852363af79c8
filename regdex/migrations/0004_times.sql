-- The times that senders reported, beside the time that counts: no row of the logs lies after its receipt.
--
-- `at` is the sender's time, or the receipt where that is earlier or there was no time. `told_at` is the sender's time
-- if it differs from `at`, `told_nanos` the nanoseconds by which it is later, `position` the place in its first
-- delivery. The partial indexes find the row of an event whose `at` is the time of receipt.

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

-- Not exact: the sender reported no possible time, and `at` is the time of receipt.
ALTER TABLE pull_event
    ADD COLUMN told_at  timestamptz,
    ADD COLUMN exact    boolean NOT NULL DEFAULT true;
CREATE INDEX pull_event_received ON pull_event (repository_id, event_key) WHERE NOT exact OR told_at IS NOT NULL;

-- The pull that raised a question about a tag: it becomes an observation if the answer is a third digest. A
-- withdrawable question is deleted once the logs no longer contradict themselves and agree with the pull.
ALTER TABLE question
    ADD COLUMN pulled_digest_id  bigint,
    ADD COLUMN pulled_at         timestamptz,
    ADD COLUMN withdrawable      boolean NOT NULL DEFAULT false,
    -- The question is a check: answers are complete while it is open.
    ADD COLUMN is_check          boolean NOT NULL DEFAULT false;

-- Repositories after this id may have rows later than this time, from releases that did not limit times by the receipt;
-- a job corrects them in the order of ids. Null: none.
ALTER TABLE instance
    ADD COLUMN mending_from   bigint,
    ADD COLUMN mending_since  timestamptz;
UPDATE instance
   SET mending_from = 0, mending_since = now()
 WHERE EXISTS (SELECT FROM registry WHERE events_through > now())
    OR EXISTS (SELECT FROM tag_event WHERE at > now())
    OR EXISTS (SELECT FROM manifest_event WHERE at > now())
    OR EXISTS (SELECT FROM pull_event WHERE at > now());
