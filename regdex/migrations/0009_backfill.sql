-- State that full reads keep of a registry: repositories that could not be read or that left the catalog, until when
-- the registry limits requests, and the settings that it was read with.
--
-- Additive: the previous release uses the defaults of new columns, and ignores the rest.

ALTER TABLE registry
    -- How much of the registry is read: full, head (digests only, by HEAD) or events (nothing).
    ADD COLUMN read_mode      text NOT NULL DEFAULT 'full' CHECK (read_mode IN ('full', 'head', 'events')),
    -- Hash of the settings that concern reading; empty until they are first written.
    ADD COLUMN settings_hash  text NOT NULL DEFAULT '',
    -- A full read is due since then, whatever the cadence.
    ADD COLUMN read_due_at    timestamptz,
    -- The registry limits requests until then (429 with Retry-After).
    ADD COLUMN limited_until  timestamptz,
    -- The first delivery since the last full read that was refused for its secret.
    ADD COLUMN refused_since  timestamptz;

ALTER TABLE backfill_listed
    -- Null: the run has read the repository in full; else the reason why not.
    ADD COLUMN problem       text,
    -- The catalog did not list the repository, and its own list of tags was empty or missing.
    ADD COLUMN left_catalog  boolean NOT NULL DEFAULT false;

-- Repositories that a full read found neither in the catalog nor by a list of their own. The next full read that finds
-- the same may sweep them if it was requested a cadence or more after the run requested at `since`.
CREATE TABLE vanishing (
    repository_id  bigint PRIMARY KEY,
    registry_id    bigint NOT NULL REFERENCES registry,
    since          timestamptz NOT NULL
);
CREATE INDEX vanishing_registry ON vanishing (registry_id);

-- As before. In addition, a gap of repository 0 means that the catalog could not be read: it makes answers about the
-- registry as a whole incomplete, and none about a known repository. An open question about a manifest makes answers
-- about it incomplete, and about digests that are no manifest of the repository (one may be its config); none about
-- tags.
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
