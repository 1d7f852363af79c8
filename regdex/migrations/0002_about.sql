-- Stars, descriptions that people write, and what the newest image of a repository says of itself.
--
-- Additive: a release that does not know these columns goes on working. No table is rewritten and none that may be big
-- gets an index: a constant default is kept beside the table, not in its rows.

ALTER TABLE repository
    ADD COLUMN title              text NOT NULL DEFAULT '',
    ADD COLUMN source_url         text NOT NULL DEFAULT '',
    ADD COLUMN url                text NOT NULL DEFAULT '',
    ADD COLUMN documentation_url  text NOT NULL DEFAULT '',
    ADD COLUMN licenses           text NOT NULL DEFAULT '',
    ADD COLUMN vendor             text NOT NULL DEFAULT '',
    -- Takes the place of `description`, which stays what the images say. Null: nobody has written one.
    ADD COLUMN description_override  text CHECK (description_override <> ''),
    -- Rows of `star`, changed in the transaction that changes these.
    ADD COLUMN stars              bigint NOT NULL DEFAULT 0;

CREATE TABLE star (
    repository_id  bigint NOT NULL,
    user_name      text COLLATE "C" NOT NULL,
    starred_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (repository_id, user_name)
);

-- Repositories up to this number have content from before this migration that was not asked yet what it says; a job
-- works its way down to 0.
ALTER TABLE instance ADD COLUMN undescribed_through bigint NOT NULL DEFAULT 0;
UPDATE instance SET undescribed_through = coalesce((SELECT max(id) FROM repository), 0);
