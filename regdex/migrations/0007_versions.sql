-- A version for each repository: it moves in every transaction that changes what GetTag, ListTags, GetManifest or
-- ListTagHistory show of the repository. Their entity tags are made of it.
--
-- Triggers move it, so that every writer does, including jobs and a release that does not know versions.

-- One number for a whole transaction, given to no other one: microseconds of its start, then ten bits of its number.
-- It names a state and does not order them. As time goes on after a backup was restored, no number comes back.
CREATE FUNCTION transaction_version() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN (extract(epoch FROM now()) * 1000000)::bigint * 1024 + (pg_current_xact_id()::text::bigint & 1023);

-- The default is evaluated once for the rows that are there, so no row is rewritten.
ALTER TABLE repository ADD COLUMN version bigint NOT NULL DEFAULT transaction_version();

-- Moves the versions of repositories, each once in a transaction. The ids are collected first: the plan of an UPDATE
-- that reads the changed rows itself would be kept, and may have been made for many of them.
CREATE FUNCTION move_versions(ids bigint[]) RETURNS void
    LANGUAGE sql
AS $$
    UPDATE repository
       SET version = transaction_version()
     WHERE id = ANY (ids) AND version <> transaction_version()
$$;

CREATE FUNCTION rows_changed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    ids bigint[];
BEGIN
    SELECT array_agg(DISTINCT repository_id) INTO ids FROM changed;
    IF ids IS NOT NULL THEN
        PERFORM move_versions(ids);
    END IF;
    RETURN NULL;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tag_event', 'manifest_event', 'repository_event', 'tag', 'repository_manifest'] LOOP
        EXECUTE format('CREATE TRIGGER version_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION rows_changed()', name);
        EXECUTE format('CREATE TRIGGER version_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION rows_changed()', name);
        EXECUTE format('CREATE TRIGGER version_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION rows_changed()', name);
    END LOOP;
END
$$;

-- Repositories in which manifests, or indexes up to three levels above them, were ever seen.
CREATE FUNCTION repositories_of_content(digest_ids bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE
AS $$
    WITH RECURSIVE affected AS (
        SELECT id AS digest_id, 0 AS depth
          FROM unnest(digest_ids) AS given (id)
         UNION
        SELECT child.digest_id, affected.depth + 1
          FROM affected
          JOIN manifest_child AS child ON child.child_digest_id = affected.digest_id
         WHERE affected.depth < 3
    )
    SELECT array_agg(DISTINCT held.repository_id)
      FROM affected
      JOIN repository_manifest AS held ON held.digest_id = affected.digest_id
$$;

-- Content is shared by repositories. Layers and entries of an index are only written together with their manifest.
CREATE FUNCTION content_changed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    changed_id bigint := CASE TG_OP WHEN 'DELETE' THEN OLD.digest_id ELSE NEW.digest_id END;
    ids bigint[] := repositories_of_content(ARRAY[changed_id]);
BEGIN
    IF ids IS NOT NULL THEN
        PERFORM move_versions(ids);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER version_insert AFTER INSERT OR DELETE ON manifest
    FOR EACH ROW EXECUTE FUNCTION content_changed();
-- Counting marks whole batches of manifests as counted; this changes nothing that is shown.
CREATE TRIGGER version_update AFTER UPDATE ON manifest
    FOR EACH ROW WHEN (OLD.counted = NEW.counted) EXECUTE FUNCTION content_changed();
