-- What each registry reports, the gaps in it as intervals, and the questions to ask it.
--
-- Additive: the previous release continues to read registry.complete and registry.gap_at, and to write recheck_queue;
-- the new release takes these rows over.

ALTER TABLE registry
    ADD COLUMN reports_pushes           boolean NOT NULL DEFAULT true,
    ADD COLUMN reports_tag_moves        boolean NOT NULL DEFAULT true,
    ADD COLUMN reports_tag_deletes      boolean NOT NULL DEFAULT true,
    ADD COLUMN reports_pulls            boolean NOT NULL DEFAULT true,
    ADD COLUMN time_resolution_seconds  double precision NOT NULL DEFAULT 0,
    ADD COLUMN get_counts_as_pull       boolean NOT NULL DEFAULT false,
    ADD COLUMN lists_digests            boolean NOT NULL DEFAULT false,
    ADD COLUMN retries_deliveries       boolean NOT NULL DEFAULT true,
    -- The last delivery that was accepted, and the last that was refused for its secret.
    ADD COLUMN accepted_at              timestamptz,
    ADD COLUMN refused_at               timestamptz,
    -- The registry's clock less ours, by its last answer.
    ADD COLUMN skew_seconds             double precision,
    ADD COLUMN skew_at                  timestamptz;

-- Intervals in which observations may be missing. An open gap has no end.
CREATE TABLE gap (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registry_id    bigint NOT NULL REFERENCES registry,
    subject        text NOT NULL CHECK (subject IN ('moves', 'deletes', 'pulls')),
    -- Null: the whole registry.
    repository_id  bigint,
    since          timestamptz NOT NULL,
    until          timestamptz CHECK (until >= since),
    -- A lower-case word; docs/operations.md lists them.
    reason         text NOT NULL,
    -- For people: the error that refused a read or a delivery.
    detail         text NOT NULL DEFAULT ''
);
CREATE INDEX gap_registry ON gap (registry_id, subject, until);
-- There is at most one open gap for a reason.
CREATE UNIQUE INDEX gap_open ON gap (registry_id, subject, coalesce(repository_id, 0), reason) WHERE until IS NULL;

-- Questions to registries: what a tag points to, whether a manifest is present (its digest), or (empty) all tags of the
-- repository.
CREATE TABLE question (
    repository_id    bigint NOT NULL,
    reference        text COLLATE "C" NOT NULL,
    -- When the question was first raised since its last answer, and when it was last raised.
    raised_at        timestamptz NOT NULL DEFAULT now(),
    asked_at         timestamptz NOT NULL DEFAULT now(),
    next_attempt_at  timestamptz NOT NULL,
    attempts         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, reference)
);
CREATE INDEX question_due ON question (next_attempt_at);
INSERT INTO question (repository_id, reference, next_attempt_at)
SELECT repository_id, tag, next_attempt_at FROM recheck_queue;
DELETE FROM recheck_queue;

INSERT INTO gap (registry_id, subject, since, until, reason)
SELECT registry.id, subject, '-infinity',
       coalesce((SELECT min(started_at) FROM backfill WHERE registry_id = registry.id AND state = 'complete'),
                reconciled_at),
       'never_read'
  FROM registry, unnest('{moves,deletes}'::text[]) AS subject;
INSERT INTO gap (registry_id, subject, since, until, reason)
SELECT id, 'pulls', '-infinity',
       (SELECT min(first_seen_at) FROM registry_instance WHERE registry_id = registry.id),
       'before_first_event'
  FROM registry;
INSERT INTO gap (registry_id, subject, since, until, reason)
SELECT registry.id, subject, gap_at, CASE subject WHEN 'pulls' THEN gap_at ELSE reconciled_at END, 'events_lost'
  FROM registry, unnest('{moves,deletes,pulls}'::text[]) AS subject
 WHERE gap_at IS NOT NULL AND (subject = 'pulls' OR reconciled_at > gap_at);
INSERT INTO gap (registry_id, subject, since, reason)
SELECT registry.id, subject, gap_at, 'events_lost'
  FROM registry, unnest('{moves,deletes}'::text[]) AS subject
 WHERE gap_at IS NOT NULL AND reconciled_at <= gap_at;
INSERT INTO gap (registry_id, subject, since, reason)
SELECT registry.id, subject, now(), 'paused'
  FROM registry, unnest('{moves,deletes,pulls}'::text[]) AS subject
 WHERE paused;

-- Functions that take a row of `registry` have string bodies. For a parsed body, PostgreSQL 15 records a dependency on
-- the row type, and then refuses to add a column with a default to the table.

-- The time through which a registry is known: the least over `subjects`. A subject is known through the last event if
-- the kind of registry reports it, else through the last full read. Null if there was neither.
CREATE FUNCTION known_through(registry registry, subjects text[]) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN 'pulls' = ANY (subjects) THEN CASE WHEN registry.reports_pulls THEN registry.events_through END
        ELSE least(
            CASE WHEN 'moves' = ANY (subjects) THEN
                CASE WHEN registry.reports_tag_moves THEN coalesce(registry.events_through, registry.reconciled_at)
                     ELSE registry.reconciled_at END END,
            CASE WHEN 'deletes' = ANY (subjects) THEN
                CASE WHEN registry.reports_tag_deletes THEN coalesce(registry.events_through, registry.reconciled_at)
                     ELSE registry.reconciled_at END END)
    END
$$;

-- Whether no observation of `subjects` is known to be missing between two times: of one repository, or (null) of the
-- registry as a whole. A refused secret makes the registry incomplete until a delivery is accepted. A repository, or
-- (not null) one reference in it, is also incomplete while a question about it is open.
CREATE FUNCTION is_complete(
    registry registry, repository_id bigint, reference text, subjects text[], since timestamptz, until timestamptz
) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT NOT EXISTS (
               SELECT FROM gap
                WHERE gap.registry_id = registry.id AND gap.subject = ANY (subjects)
                  AND (gap.repository_id IS NULL OR gap.repository_id = is_complete.repository_id)
                  AND gap.since <= is_complete.until AND (gap.until IS NULL OR gap.until > is_complete.since))
           AND NOT (registry.refused_at IS NOT NULL
                    AND registry.refused_at > coalesce(registry.accepted_at, '-infinity')
                    AND registry.refused_at <= is_complete.until)
           AND NOT EXISTS (
               SELECT FROM question
                WHERE question.repository_id = is_complete.repository_id AND NOT ('pulls' = ANY (subjects))
                  AND (is_complete.reference IS NULL OR question.reference IN (is_complete.reference, '')))
$$;
