-- The order in which tags are shown: their sort time, the order of versions, and auxiliary tags, which only carry
-- something about an image.
--
-- Additive: a release that does not know these columns goes on working. No table is rewritten. Rows of `tag` from
-- before this migration, and those that the release before still writes, have null in the new columns; every reader has
-- a meaning for null, and a job fills them.

-- The digest that the name of an auxiliary tag spells, as `sha256-<64 hex digits>`; null for every other tag. Of a
-- longer digest these are the first 64 digits, as in the referrers tag schema of the OCI distribution specification.
-- Tools put prefixes and suffixes around it: `sha256-….sig`, `team-sha256-….att`. Equal to `spelled_digest` in
-- regdex/reference.py; a single expression, so that it is inlined wherever it is used.
CREATE FUNCTION spelled_digest(tag text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN length(tag) >= 71
                THEN substring(tag FROM 'sha(?:256-[0-9a-f]{64}(?![0-9a-f])|512-[0-9a-f]{64})') END;

-- True for a manifest that only describes another one: it has a subject, or its artifact type (else the media type of
-- its config) is that of a signature, an attestation or an SBOM.
CREATE FUNCTION is_attached(artifact_type text, config_media_type text, subject_digest_id bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN subject_digest_id IS NOT NULL
        -- Ordinary images and indexes are recognized by a comparison, which costs a tenth of the pattern.
        OR NOT (artifact_type = '' AND config_media_type IN ('application/vnd.oci.image.config.v1+json',
                                                             'application/vnd.docker.container.image.v1+json', ''))
       AND lower(CASE WHEN artifact_type <> '' THEN artifact_type ELSE config_media_type END)
           ~ '(signature|simplesigning|cosign|sigstore|notary|attestation|in-toto|dsse|provenance|slsa|sbom|spdx|cyclonedx|syft|openvex)';

-- The time that a tag is sorted by: the push that the registry reported; else when the image was created, if that is
-- plausible and not after the tag was first seen to point there (`pushed_at`), but not before a time at which the tag
-- is known to have pointed elsewhere; else when it was first seen. Equal to `sort_time` in regdex/order.py.
CREATE FUNCTION sort_time(exact boolean, pushed_at timestamptz, not_before timestamptz, created_at timestamptz)
    RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN NOT exact AND created_at BETWEEN timestamptz '1990-01-01 00:00:00+00' AND pushed_at
                THEN greatest(created_at, not_before) ELSE pushed_at END;

-- A text that orders tags by version when compared bytewise; larger is newer. `latest` is above all versions; below are
-- names that do not begin with a version, by what they have from their first digit on. Numbers (of up to 70 digits) are
-- compared as numbers; a leading `v`, upper case, zeros before a number and `_` for `-` make no difference.
-- `1.0-rc.1` < `1.0-alpine` < `1.0` < `1.0-1` < `1.0.1`. Equal to `version_key` in regdex/order.py. It takes some 20
-- µs, which is why the key is stored with the tag.
CREATE FUNCTION version_key(tag text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN tag = 'latest' THEN '2'
                -- An abbreviated or full hash of a commit may begin with a digit, too.
                WHEN tag ~ '^[vV]?[0-9]' AND NOT (tag ~ '^[0-9a-f]{7,64}$' AND tag ~ '[a-f]') THEN '1'
                ELSE '0' END
        || (SELECT string_agg(
                       CASE WHEN place = 1 THEN ''
                            WHEN split_part(translate(ltrim(pair[1], '.-'), '.', '-'), '-', 1)
                                 IN ('alpha', 'beta', 'canary', 'cr', 'dev', 'milestone', 'nightly', 'pre', 'preview',
                                     'rc', 'snapshot')
                              OR (btrim(pair[1], '.-') IN ('a', 'b', 'c', 'm') AND pair[2] <> '')
                            THEN '!' || btrim(pair[1], '.-')
                            WHEN pair[1] COLLATE "C" >= '-a' AND pair[1] COLLATE "C" < '-{'
                            THEN '#' || substr(pair[1], 2)
                            ELSE pair[1] END
                       -- The count of digits as one sign, from `0` for zero to `v`, comes before them.
                       || CASE WHEN pair[2] <> ''
                               THEN chr(48 + least(length(ltrim(pair[2], '0')), 70)) || ltrim(pair[2], '0')
                               ELSE '' END,
                       '' ORDER BY place)
              FROM regexp_matches(lower(replace(tag, '_', '-') COLLATE "C"), '([^0-9]*)([0-9]*)', 'g')
                   WITH ORDINALITY AS found (pair, place))
        || '$';

ALTER TABLE tag
    -- The tag only carries something about an image: its name spells a digest, or what it points to is attached. Null:
    -- not looked at yet; counted with the other tags, and judged by the name alone.
    ADD COLUMN auxiliary  boolean,
    -- See sort_time(); null where it is pushed_at.
    ADD COLUMN sorted_at  timestamptz,
    -- See version_key(); null: not computed yet.
    ADD COLUMN version_key  text COLLATE "C";
CREATE INDEX tag_auxiliary ON tag (repository_id, tag) WHERE auxiliary;

ALTER TABLE repository
    -- Tags that are auxiliary; tag_count leaves them out.
    ADD COLUMN artifact_tag_count  bigint NOT NULL DEFAULT 0,
    -- When a scan last found a new tag: unreported pushes happened before then. Null: never.
    ADD COLUMN sighted_at          timestamptz;

-- Repositories up to this number may have tags from before this migration; a job works its way down to 0.
ALTER TABLE instance ADD COLUMN unsorted_through bigint NOT NULL DEFAULT 0;
UPDATE instance SET unsorted_through = coalesce((SELECT max(id) FROM repository), 0);
