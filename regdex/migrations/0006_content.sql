-- Indexes that are only partly in a repository, and an index over content that is still to be read.
--
-- Additive: a release that does not know these goes on working.

-- Whether a manifest is in a repository: null if neither an event nor a scan has shown it.
CREATE FUNCTION is_present(repository bigint, manifest bigint) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(
        (SELECT held.present
           FROM repository_manifest AS held
          WHERE held.repository_id = repository AND held.digest_id = manifest),
        (SELECT false
           FROM manifest_event AS told
          WHERE told.repository_id = repository AND told.digest_id = manifest
          LIMIT 1));

-- Whether an index lists manifests that the registry was never asked for in this repository. Of indexes within indexes
-- the outermost counts: reading it reads the inner ones, down to a limit.
CREATE FUNCTION has_unasked_children(repository bigint, index_ bigint) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN EXISTS (
        SELECT
          FROM manifest_child AS child
         WHERE child.digest_id = index_ AND is_present(repository, child.child_digest_id) IS NULL)
       AND NOT EXISTS (
        SELECT
          FROM manifest_child AS outer_
          JOIN repository_manifest AS held ON held.repository_id = repository AND held.digest_id = outer_.digest_id
         WHERE outer_.child_digest_id = index_);

-- Indexes that list manifests which the repository does not have, with the platforms of the manifests that it has.
-- Follows from the content of indexes and from presence; a full read fills it for what was recorded before.
CREATE TABLE partial_index (
    repository_id  bigint NOT NULL,
    digest_id      bigint NOT NULL,
    platforms      text[] COLLATE "C" NOT NULL,
    PRIMARY KEY (repository_id, digest_id)
);

-- Answers that depend on content count the manifests that were not read.
CREATE INDEX manifest_unread ON manifest (digest_id) WHERE state NOT IN ('complete', 'unsupported');
