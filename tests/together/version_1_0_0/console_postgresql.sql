CREATE TABLE organizations (
    id VARCHAR(36) NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    safeguards_required BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name),
    UNIQUE (slug)
);

CREATE TABLE people (
    id VARCHAR(36) NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    removed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    UNIQUE (name)
);

CREATE TABLE revisions (
    name VARCHAR(16) NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE teams (
    id VARCHAR(36) NOT NULL,
    organization_id VARCHAR(36) NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (organization_id, name),
    UNIQUE (organization_id, slug),
    FOREIGN KEY(organization_id) REFERENCES organizations (id)
);

CREATE TABLE memberships (
    organization_id VARCHAR(36) NOT NULL,
    person_id VARCHAR(36) NOT NULL,
    role VARCHAR(16) NOT NULL,
    PRIMARY KEY (organization_id, person_id),
    FOREIGN KEY(organization_id) REFERENCES organizations (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE TABLE tokens (
    id VARCHAR(36) NOT NULL,
    person_id VARCHAR(36) NOT NULL,
    name TEXT NOT NULL,
    digest VARCHAR(64) NOT NULL,
    hint VARCHAR(8) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES people (id),
    UNIQUE (digest)
);

CREATE TABLE experiments (
    id VARCHAR(36) NOT NULL,
    organization_id VARCHAR(36) NOT NULL,
    title TEXT NOT NULL,
    source TEXT,
    latest_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(organization_id) REFERENCES organizations (id)
);

CREATE INDEX experiments_by_source ON experiments (organization_id, source);

CREATE TABLE team_members (
    team_id VARCHAR(36) NOT NULL,
    person_id VARCHAR(36) NOT NULL,
    PRIMARY KEY (team_id, person_id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE TABLE sessions (
    digest VARCHAR(64) NOT NULL,
    token_id VARCHAR(36) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (digest),
    FOREIGN KEY(token_id) REFERENCES tokens (id)
);

CREATE TABLE team_experiments (
    team_id VARCHAR(36) NOT NULL,
    experiment_id VARCHAR(36) NOT NULL,
    PRIMARY KEY (team_id, experiment_id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);

CREATE TABLE experiment_versions (
    experiment_id VARCHAR(36) NOT NULL,
    number INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    document BYTEA NOT NULL,
    team_id VARCHAR(36) NOT NULL,
    person_id VARCHAR(36) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (experiment_id, number),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE TABLE executions (
    id VARCHAR(36) NOT NULL,
    team_id VARCHAR(36) NOT NULL,
    experiment_id VARCHAR(36) NOT NULL,
    experiment_version INTEGER NOT NULL,
    person_id VARCHAR(36) NOT NULL,
    title TEXT NOT NULL,
    status VARCHAR(16) NOT NULL,
    node TEXT,
    platform TEXT,
    chaoslib_version TEXT,
    tags TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    duration FLOAT,
    safeguards TEXT,
    stop TEXT,
    journal BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX executions_by_team ON executions (team_id, started_at, id);

CREATE INDEX executions_by_person ON executions (team_id, person_id, started_at, id);

CREATE INDEX executions_by_status ON executions (team_id, status, started_at, id);

CREATE INDEX executions_by_experiment ON executions (experiment_id, started_at, id);

CREATE TABLE idempotency_keys (
    team_id VARCHAR(36) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    resource_id VARCHAR(36) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (team_id, kind, key),
    FOREIGN KEY(team_id) REFERENCES teams (id)
);

CREATE TABLE safeguards (
    id VARCHAR(36) NOT NULL,
    organization_id VARCHAR(36) NOT NULL,
    team_id VARCHAR(36),
    kind VARCHAR(16) NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    settings TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    person_id VARCHAR(36),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    removed_at TIMESTAMP WITH TIME ZONE,
    tags TEXT NOT NULL,
    execution_id VARCHAR(36),
    decided_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE,
    secret VARCHAR(64),
    PRIMARY KEY (id),
    FOREIGN KEY(organization_id) REFERENCES organizations (id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX safeguards_by_scope ON safeguards (organization_id, team_id);

CREATE TABLE objectives (
    id VARCHAR(36) NOT NULL,
    team_id VARCHAR(36) NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    tags TEXT NOT NULL,
    target FLOAT NOT NULL,
    "window" FLOAT NOT NULL,
    measurement BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(team_id) REFERENCES teams (id)
);

CREATE TABLE audit (
    seq BIGSERIAL NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    organization_id VARCHAR(36),
    team_id VARCHAR(36),
    person_id VARCHAR(36),
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (seq),
    FOREIGN KEY(organization_id) REFERENCES organizations (id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE TABLE events (
    seq BIGSERIAL NOT NULL,
    execution_id VARCHAR(36) NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    data BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sequence INTEGER,
    PRIMARY KEY (seq),
    UNIQUE (execution_id, event_id),
    FOREIGN KEY(execution_id) REFERENCES executions (id)
);

CREATE INDEX events_by_execution ON events (execution_id, seq);

CREATE TABLE safeguard_states (
    safeguard_id VARCHAR(36) NOT NULL,
    state TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (safeguard_id),
    FOREIGN KEY(safeguard_id) REFERENCES safeguards (id) ON DELETE CASCADE
);

CREATE TABLE verifications (
    team_id VARCHAR(36) NOT NULL,
    id TEXT NOT NULL,
    objective_id VARCHAR(36) NOT NULL,
    experiment_id VARCHAR(36),
    name TEXT NOT NULL,
    frequency FLOAT NOT NULL,
    warm_up FLOAT NOT NULL,
    duration FLOAT NOT NULL,
    cool_down FLOAT NOT NULL,
    document BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(objective_id) REFERENCES objectives (id),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);

CREATE TABLE verification_runs (
    id VARCHAR(36) NOT NULL,
    team_id VARCHAR(36) NOT NULL,
    verification_id TEXT NOT NULL,
    experiment_id VARCHAR(36),
    execution_id VARCHAR(36),
    person_id VARCHAR(36) NOT NULL,
    state VARCHAR(16) NOT NULL,
    status TEXT NOT NULL,
    journal BYTEA NOT NULL,
    results TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(team_id, verification_id) REFERENCES verifications (team_id, id),
    FOREIGN KEY(team_id) REFERENCES teams (id),
    FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE INDEX runs_by_verification ON verification_runs (team_id, verification_id, created_at);

CREATE TABLE verification_events (
    seq BIGSERIAL NOT NULL,
    run_id VARCHAR(36) NOT NULL,
    category TEXT NOT NULL,
    payload BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (seq),
    FOREIGN KEY(run_id) REFERENCES verification_runs (id)
);

CREATE INDEX verification_events_by_run ON verification_events (run_id, seq);

CREATE TABLE schema_versions (
    number INTEGER NOT NULL PRIMARY KEY,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL
);

INSERT INTO schema_versions SELECT number, now() FROM generate_series(1, 4) AS number;
