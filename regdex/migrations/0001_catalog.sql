-- The catalog, the three logs it follows from, pulls and their rollups, and the two queues.
--
-- Per-repository tables carry repository_id first in every key: that is the distribution key past one machine.
-- Names stay byte-exact (COLLATE "C"). A digest is content: stored once, found from any registry.

CREATE TABLE instance (
    one                boolean PRIMARY KEY DEFAULT true CHECK (one),
    database_id        uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Of the index that the publisher writes; null before the first was built.
    index_fingerprint  jsonb,
    -- A rebuild of the search index that was asked for and is not finished, and how many documents it has so far.
    rebuild_requested_at  timestamptz,
    rebuilt_documents     bigint NOT NULL DEFAULT 0,
    -- Raw pulls before this day have been dropped: what is older cannot be told from a repeat any more.
    pulls_since        date
);
INSERT INTO instance DEFAULT VALUES;

CREATE TABLE registry (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                 text COLLATE "C" NOT NULL UNIQUE,
    kind                 text NOT NULL,
    url                  text NOT NULL,
    hosts                text[] COLLATE "C" NOT NULL DEFAULT '{}',
    paused               boolean NOT NULL DEFAULT false,
    -- What happens to a manifest that loses its last tag: kept (Distribution, Harbor) or vanish (zot).
    untagged_manifests   text NOT NULL DEFAULT 'kept' CHECK (untagged_manifests IN ('kept', 'vanish')),
    -- Null until the referrers API has been probed once.
    referrers_supported  boolean,
    events_through       timestamptz,
    reconciled_at        timestamptz,
    gap_at               timestamptz,
    -- Start of the last run that also asked about manifests without a tag, and about referrers.
    deeply_read_at       timestamptz,
    -- Nothing is known to be missing: a full run began after events may last have been lost.
    complete             boolean NOT NULL
                         GENERATED ALWAYS AS (reconciled_at IS NOT NULL
                                              AND (gap_at IS NULL OR reconciled_at > gap_at)) STORED
);

-- Processes of the registry that have sent events; a new one means a restart, and a restart may have lost events.
CREATE TABLE registry_instance (
    registry_id    bigint NOT NULL REFERENCES registry,
    instance       text COLLATE "C" NOT NULL,
    first_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (registry_id, instance)
);

CREATE TABLE project (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registry_id  bigint NOT NULL REFERENCES registry,
    name         text COLLATE "C" NOT NULL,
    UNIQUE (registry_id, name)
);

CREATE TABLE repository (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registry_id     bigint NOT NULL REFERENCES registry,
    project_id      bigint NOT NULL REFERENCES project,
    name            text COLLATE "C" NOT NULL,
    description     text NOT NULL DEFAULT '',
    tag_count       bigint NOT NULL DEFAULT 0,
    manifest_count  bigint NOT NULL DEFAULT 0,
    size_bytes      bigint NOT NULL DEFAULT 0,
    downloads_30d   bigint NOT NULL DEFAULT 0,
    platforms       text[] COLLATE "C" NOT NULL DEFAULT '{}',
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    pushed_at       timestamptz,
    pulled_at       timestamptz,
    -- Content changed since size_bytes was computed.
    unsized         boolean NOT NULL DEFAULT false,
    -- What the outbox was last told of the downloads: bit length of downloads_30d, UTC day of pulled_at.
    published_bucket     smallint NOT NULL DEFAULT 0,
    published_pulled_on  date,
    UNIQUE (registry_id, name)
);
CREATE INDEX repository_project ON repository (project_id, name);
CREATE INDEX repository_downloads ON repository (downloads_30d DESC, id) WHERE downloads_30d > 0;
CREATE INDEX repository_unsized ON repository (id) WHERE unsized;

CREATE TABLE actor (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text COLLATE "C" NOT NULL UNIQUE
);

-- Interned at first sight, before the content is known.
CREATE TABLE digest (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- 1 sha256, 2 sha512
    algorithm  smallint NOT NULL,
    hash       bytea NOT NULL,
    UNIQUE (hash, algorithm)
);

-- A digest as OCI writes it; a single expression, so that it is inlined wherever it is used.
CREATE FUNCTION digest_text(algorithm smallint, hash bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE algorithm WHEN 1 THEN 'sha256:' WHEN 2 THEN 'sha512:' END || encode(hash, 'hex');

-- Content of a manifest or an index, once per digest.
CREATE TABLE manifest (
    digest_id          bigint PRIMARY KEY REFERENCES digest,
    -- complete, incomplete, unsupported, rejected; pending is the absence of a row
    state              text NOT NULL,
    problem            text NOT NULL DEFAULT '',
    truncated          boolean NOT NULL DEFAULT false,
    media_type         text NOT NULL,
    artifact_type      text NOT NULL DEFAULT '',
    is_index           boolean NOT NULL DEFAULT false,
    size_bytes         bigint NOT NULL DEFAULT 0,
    total_size_bytes   bigint NOT NULL DEFAULT 0,
    config_digest_id   bigint REFERENCES digest,
    config_media_type  text NOT NULL DEFAULT '',
    config_size_bytes  bigint NOT NULL DEFAULT 0,
    subject_digest_id  bigint REFERENCES digest,
    os                 text NOT NULL DEFAULT '',
    architecture       text NOT NULL DEFAULT '',
    variant            text NOT NULL DEFAULT '',
    os_version         text NOT NULL DEFAULT '',
    -- "os/architecture[/variant]" of the image, or of all children of an index.
    platforms          text[] COLLATE "C" NOT NULL DEFAULT '{}',
    created_at         timestamptz,
    labels             jsonb NOT NULL DEFAULT '{}',
    annotations        jsonb NOT NULL DEFAULT '{}',
    history            jsonb NOT NULL DEFAULT '[]',
    fetched_at         timestamptz NOT NULL DEFAULT now(),
    -- The counting of downloads knows it: all sessions that name it have been derived with it.
    counted            boolean NOT NULL DEFAULT false
);
CREATE INDEX manifest_uncounted ON manifest (digest_id) WHERE state = 'complete' AND NOT counted;
CREATE INDEX manifest_config ON manifest (config_digest_id, digest_id) WHERE config_digest_id IS NOT NULL;
CREATE INDEX manifest_subject ON manifest (subject_digest_id, digest_id) WHERE subject_digest_id IS NOT NULL;

CREATE TABLE manifest_layer (
    digest_id        bigint NOT NULL REFERENCES manifest,
    position         integer NOT NULL,
    layer_digest_id  bigint NOT NULL REFERENCES digest,
    diff_digest_id   bigint REFERENCES digest,
    chain_digest_id  bigint REFERENCES digest,
    size_bytes       bigint NOT NULL,
    media_type       text NOT NULL,
    PRIMARY KEY (digest_id, position)
);
-- With the manifest behind, so that a page of a layer that thousands share is read in order and no further.
CREATE INDEX manifest_layer_layer ON manifest_layer (layer_digest_id, digest_id);
CREATE INDEX manifest_layer_diff ON manifest_layer (diff_digest_id, digest_id) WHERE diff_digest_id IS NOT NULL;
CREATE INDEX manifest_layer_chain ON manifest_layer (chain_digest_id, digest_id) WHERE chain_digest_id IS NOT NULL;

CREATE TABLE manifest_child (
    digest_id        bigint NOT NULL REFERENCES manifest,
    position         integer NOT NULL,
    child_digest_id  bigint NOT NULL REFERENCES digest,
    size_bytes       bigint NOT NULL,
    media_type       text NOT NULL,
    artifact_type    text NOT NULL DEFAULT '',
    os               text NOT NULL DEFAULT '',
    architecture     text NOT NULL DEFAULT '',
    variant          text NOT NULL DEFAULT '',
    os_version       text NOT NULL DEFAULT '',
    annotations      jsonb NOT NULL DEFAULT '{}',
    -- As BuildKit lists provenance and SBOMs beside the images they are about.
    attestation      boolean NOT NULL GENERATED ALWAYS AS (
        (os = 'unknown' AND architecture = 'unknown') OR annotations ? 'vnd.docker.reference.type'
    ) STORED,
    PRIMARY KEY (digest_id, position)
);
CREATE INDEX manifest_child_child ON manifest_child (child_digest_id);

-- The three logs of observations. Nothing derived is stored as if observed.
-- source: 1 event, 2 scan. A scan equal to the one before it only extends its confirmed_at.
CREATE TABLE tag_event (
    repository_id  bigint NOT NULL,
    tag            text COLLATE "C" NOT NULL,
    at             timestamptz NOT NULL,
    event_key      uuid NOT NULL,
    -- Null: gone.
    digest_id      bigint,
    confirmed_at   timestamptz,
    actor_id       bigint,
    source         smallint NOT NULL,
    exact          boolean NOT NULL,
    PRIMARY KEY (repository_id, tag, at, event_key)
);

CREATE TABLE manifest_event (
    repository_id  bigint NOT NULL,
    digest_id      bigint NOT NULL,
    at             timestamptz NOT NULL,
    event_key      uuid NOT NULL,
    confirmed_at   timestamptz,
    actor_id       bigint,
    source         smallint NOT NULL,
    exact          boolean NOT NULL,
    present        boolean NOT NULL,
    -- Only when gone: the tags that pointed there went with it.
    takes_tags     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (repository_id, digest_id, at, event_key)
);
CREATE INDEX manifest_event_gone ON manifest_event (repository_id, at) WHERE NOT present;

-- Only "gone": a repository is there when something in it is.
CREATE TABLE repository_event (
    repository_id  bigint NOT NULL,
    at             timestamptz NOT NULL,
    event_key      uuid NOT NULL,
    actor_id       bigint,
    source         smallint NOT NULL,
    exact          boolean NOT NULL,
    PRIMARY KEY (repository_id, at, event_key)
);

-- What follows from the logs for now; recomputed for what a batch touches, in the same transaction.
CREATE TABLE tag (
    repository_id  bigint NOT NULL,
    tag            text COLLATE "C" NOT NULL,
    digest_id      bigint NOT NULL,
    pushed_at      timestamptz NOT NULL,
    not_before     timestamptz,
    actor_id       bigint,
    source         smallint NOT NULL,
    exact          boolean NOT NULL,
    PRIMARY KEY (repository_id, tag)
);
CREATE INDEX tag_digest ON tag (digest_id, repository_id);
-- Moves that scans found: the delete of a manifest may tell more exactly when they were.
CREATE INDEX tag_moved ON tag (repository_id, pushed_at) WHERE not_before IS NOT NULL;

CREATE TABLE repository_manifest (
    repository_id  bigint NOT NULL,
    digest_id      bigint NOT NULL,
    first_seen_at  timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL,
    present        boolean NOT NULL,
    PRIMARY KEY (repository_id, digest_id)
);
CREATE INDEX repository_manifest_digest ON repository_manifest (digest_id, repository_id);

-- Who asks: one row per actor, address without its port, and user agent.
CREATE TABLE client (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor       text COLLATE "C" NOT NULL,
    address     text COLLATE "C" NOT NULL,
    user_agent  text COLLATE "C" NOT NULL,
    -- 1 a client, 2 replication, 3 a scanner, 4 Regdex itself
    class       smallint NOT NULL,
    UNIQUE (actor, address, user_agent)
);

-- Manifest requests, raw. Partitions by day are made by the recorder and dropped by retention.
CREATE TABLE pull_event (
    repository_id  bigint NOT NULL,
    at             timestamptz NOT NULL,
    event_key      uuid NOT NULL,
    digest_id      bigint NOT NULL,
    client_id      bigint NOT NULL,
    -- The later request of the same client that this one was the beginning of; null when there is none.
    consumed_by    uuid,
    is_head        boolean NOT NULL,
    -- Null when asked for by digest.
    tag            text COLLATE "C",
    -- One index tells repeats and finds what a client asked before; an event has one client, however often it comes.
    PRIMARY KEY (repository_id, client_id, at, event_key)
) PARTITION BY RANGE (at);
-- Small, as equal digests share an entry; finds the sessions to derive again when content becomes known.
CREATE INDEX pull_event_digest ON pull_event (digest_id);

-- class as in client; tag and platform are empty where there is none.
CREATE TABLE download_hour (
    repository_id   bigint NOT NULL,
    hour            timestamptz NOT NULL,
    digest_id       bigint NOT NULL,
    tag             text COLLATE "C" NOT NULL,
    platform        text COLLATE "C" NOT NULL,
    class           smallint NOT NULL,
    downloads       bigint NOT NULL,
    version_checks  bigint NOT NULL,
    requests        bigint NOT NULL,
    PRIMARY KEY (repository_id, hour, digest_id, tag, platform, class)
);

CREATE TABLE download_day (
    repository_id   bigint NOT NULL,
    day             date NOT NULL,
    class           smallint NOT NULL,
    downloads       bigint NOT NULL,
    version_checks  bigint NOT NULL,
    requests        bigint NOT NULL,
    PRIMARY KEY (repository_id, day, class)
);
CREATE INDEX download_day_day ON download_day (day, repository_id) WHERE class = 1;

-- Deliveries that are not recorded yet, exactly as received.
CREATE TABLE inbox (
    id               bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    registry_id      bigint NOT NULL,
    received_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_attempt_at  timestamptz NOT NULL DEFAULT now(),
    attempts         integer NOT NULL DEFAULT 0,
    headers          jsonb NOT NULL,
    body             bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX inbox_fresh ON inbox (id) WHERE attempts = 0;
CREATE INDEX inbox_tried ON inbox (next_attempt_at, id) WHERE attempts > 0;

-- Its id is the one it had in the inbox: a replayed delivery keeps its identity.
CREATE TABLE dead_letter (
    id           bigint PRIMARY KEY,
    registry_id  bigint NOT NULL,
    received_at  timestamptz NOT NULL,
    buried_at    timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL,
    reason       text NOT NULL,
    headers      jsonb NOT NULL,
    body         bytea NOT NULL
);
CREATE INDEX dead_letter_registry ON dead_letter (registry_id, id);

-- Manifests to read from the registry.
CREATE TABLE fetch_queue (
    repository_id    bigint NOT NULL,
    digest_id        bigint NOT NULL,
    -- The repository's: each registry's backlog is claimed by itself, so that a dead one is never in another's way.
    registry_id      bigint NOT NULL,
    next_attempt_at  timestamptz NOT NULL DEFAULT now(),
    attempts         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, digest_id)
);
CREATE INDEX fetch_queue_due ON fetch_queue (registry_id, next_attempt_at);

-- Tags to ask the registry about again: a scan and an event contradicted each other.
CREATE TABLE recheck_queue (
    repository_id    bigint NOT NULL,
    tag              text COLLATE "C" NOT NULL,
    next_attempt_at  timestamptz NOT NULL,
    attempts         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, tag)
);
CREATE INDEX recheck_queue_due ON recheck_queue (next_attempt_at);

-- Repositories whose search document is out of date. The publisher deletes a row only if its version has not moved.
CREATE SEQUENCE outbox_version;
CREATE TABLE outbox (
    repository_id  bigint PRIMARY KEY,
    version        bigint NOT NULL DEFAULT nextval('outbox_version'),
    queued_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_queued ON outbox (queued_at);

CREATE TABLE backfill (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registry_id       bigint NOT NULL REFERENCES registry,
    -- waiting, running, complete, partial, failed
    state             text NOT NULL DEFAULT 'waiting',
    force             boolean NOT NULL DEFAULT false,
    requested_at      timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    finished_at       timestamptz,
    -- Whoever runs it renews this; past it another may go on from the cursor, under a lease of its own.
    leased_until      timestamptz,
    lease             uuid,
    -- Where to go on: opaque to all but the source.
    cursor            jsonb NOT NULL DEFAULT '{}',
    repository_total  bigint NOT NULL DEFAULT 0,
    repository_count  bigint NOT NULL DEFAULT 0,
    tag_count         bigint NOT NULL DEFAULT 0,
    manifest_count    bigint NOT NULL DEFAULT 0,
    request_count     bigint NOT NULL DEFAULT 0,
    error_count       bigint NOT NULL DEFAULT 0,
    swept_count       bigint NOT NULL DEFAULT 0,
    message           text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX backfill_open ON backfill (registry_id) WHERE state IN ('waiting', 'running');
CREATE INDEX backfill_registry ON backfill (registry_id, id DESC);

-- Repositories that an open run has found in the catalog.
CREATE TABLE backfill_listed (
    repository_id  bigint NOT NULL,
    backfill_id    bigint NOT NULL REFERENCES backfill,
    PRIMARY KEY (repository_id, backfill_id)
);

-- Tags known before an open run that it did not find: the registry is asked about each before it is gone.
CREATE TABLE backfill_missing (
    repository_id  bigint NOT NULL,
    backfill_id    bigint NOT NULL REFERENCES backfill,
    tag            text COLLATE "C" NOT NULL,
    PRIMARY KEY (repository_id, backfill_id, tag)
);

-- One row per run of an indexer; one that never stopped was killed, and events may be missing from then.
CREATE TABLE indexer_run (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    stopped_at  timestamptz
);

-- Periodic work, run by whoever holds the leader lock.
CREATE TABLE schedule (
    job         text PRIMARY KEY,
    started_at  timestamptz,
    finished_at timestamptz
);

CREATE TABLE api_key (
    id             text COLLATE "C" PRIMARY KEY,
    name           text NOT NULL,
    scope          text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    -- SHA-256 of the secret: 256 random bits need no slow hash.
    secret_sha256  bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz,
    revoked_at     timestamptz
);
