-- What full reads remember of a registry: repositories that could not be read or that left the catalog, until when it
-- wants to be left alone, and the settings that it was read with.
--
-- Additive: the release before goes on with columns that have defaults, and ignores the rest.

ALTER TABLE registry
    -- How much of it is read: full, head (digests only, by HEAD) or events (nothing).
    ADD COLUMN read_mode      text NOT NULL DEFAULT 'full' CHECK (read_mode IN ('full', 'head', 'events')),
    -- Of the settings that concern reading; empty before they were first written.
    ADD COLUMN settings_hash  text NOT NULL DEFAULT '',
    -- A full read is due since then, whatever the cadence.
    ADD COLUMN read_due_at    timestamptz,
    -- It has asked to be left alone until then (429 with Retry-After).
    ADD COLUMN limited_until  timestamptz,
    -- The first delivery that was refused for its secret since the last full read.
    ADD COLUMN refused_since  timestamptz;

ALTER TABLE backfill_listed
    -- Null: the run has read it in full; else why it has not.
    ADD COLUMN problem       text,
    -- The catalog did not name it, and its own list was empty or missing.
    ADD COLUMN left_catalog  boolean NOT NULL DEFAULT false;

-- Repositories that a full read found neither in the catalog nor by a list of their own. The next one that says so, a
-- cadence or more after the run that was requested at `since`, may sweep them.
CREATE TABLE vanishing (
    repository_id  bigint PRIMARY KEY,
    registry_id    bigint NOT NULL REFERENCES registry,
    since          timestamptz NOT NULL
);
CREATE INDEX vanishing_registry ON vanishing (registry_id);

-- As before; and a gap of repository 0 is of which repositories there are: the catalog could not be read. It concerns
-- answers about the registry as a whole, and none about a repository that is known. An open question about a manifest
-- concerns answers about it, and about digests that are no manifest's here (it may be their config); none about tags.
CREATE OR REPLACE FUNCTION is_complete(
    registry registry, repository_id bigint, reference text, subjects text[], since timestamptz, until timestamptz
) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT NOT EXISTS (
               SELECT FROM gap
                WHERE gap.registry_id = registry.id AND gap.subject = ANY (subjects)
                  AND (gap.repository_id IS NULL OR gap.repository_id = coalesce(is_complete.repository_id, 0))
                  AND gap.since <= is_complete.until AND (gap.until IS NULL OR gap.until > is_complete.since))
           AND NOT (registry.refused_at IS NOT NULL
                    AND registry.refused_at > coalesce(registry.accepted_at, '-infinity')
                    AND registry.refused_at <= is_complete.until)
           AND NOT EXISTS (
               SELECT FROM question
                WHERE question.repository_id = is_complete.repository_id AND NOT ('pulls' = ANY (subjects))
                  AND NOT question.is_check
                  AND (question.reference IN (is_complete.reference, '')
                       OR (is_complete.reference IS NULL AND question.reference NOT LIKE '%:%')
                       OR (is_complete.reference LIKE '%:%' AND question.reference LIKE '%:%'
                           AND NOT EXISTS (
                               SELECT FROM repository_manifest AS held
                                 JOIN digest ON digest.id = held.digest_id
                                WHERE held.repository_id = is_complete.repository_id
                                  AND digest.hash = decode(split_part(is_complete.reference, ':', 2), 'hex')
                                  AND digest_text(digest.algorithm, digest.hash) = is_complete.reference))))
$$;
