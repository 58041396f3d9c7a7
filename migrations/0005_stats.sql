-- Counts of what users and teams did in each period. Periods are of UTC: a day starts at 00:00 UTC.

CREATE TABLE stats_users (
    user_id bigint NOT NULL,
    period_type text COLLATE "C" NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    runs_started bigint NOT NULL DEFAULT 0,
    runs_completed bigint NOT NULL DEFAULT 0,
    resources_deleted bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stats_users_pkey PRIMARY KEY (user_id, period_type, period_start),
    CONSTRAINT stats_users_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT stats_users_period_type_check
    CHECK (period_type IN ('Hourly', 'Daily', 'Weekly', 'Monthly', 'Yearly')),
    CONSTRAINT stats_users_runs_started_check CHECK (runs_started >= 0),
    CONSTRAINT stats_users_runs_completed_check CHECK (runs_completed >= 0),
    CONSTRAINT stats_users_resources_deleted_check CHECK (resources_deleted >= 0),
    CONSTRAINT stats_users_period_start_check
    CHECK (period_start BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00'),
    CONSTRAINT stats_users_period_end_check
    CHECK (period_end > period_start AND period_end <= '9999-12-30 00:00+00'),
    CONSTRAINT stats_users_created_at_check
    CHECK (created_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00'),
    CONSTRAINT stats_users_updated_at_check
    CHECK (updated_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00')
);

COMMENT ON TABLE stats_users IS 'What each user did in each period that saw any of it.';
COMMENT ON COLUMN stats_users.period_start IS 'Included; of UTC.';
COMMENT ON COLUMN stats_users.period_end IS 'Excluded; of UTC.';
COMMENT ON COLUMN stats_users.runs_started IS 'Counted by runs.start_with_steps.';
COMMENT ON COLUMN stats_users.runs_completed IS 'Counted by runs.update_status.';
COMMENT ON COLUMN stats_users.resources_deleted IS 'Resources that the user soft-deleted.';

CREATE TABLE stats_teams (
    team_id bigint NOT NULL,
    period_type text COLLATE "C" NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    members_created bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stats_teams_pkey PRIMARY KEY (team_id, period_type, period_start),
    CONSTRAINT stats_teams_team_id_fkey
    FOREIGN KEY (team_id) REFERENCES teams (id) ON DELETE CASCADE,
    CONSTRAINT stats_teams_period_type_check
    CHECK (period_type IN ('Hourly', 'Daily', 'Weekly', 'Monthly', 'Yearly')),
    CONSTRAINT stats_teams_members_created_check CHECK (members_created >= 0),
    CONSTRAINT stats_teams_period_start_check
    CHECK (period_start BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00'),
    CONSTRAINT stats_teams_period_end_check
    CHECK (period_end > period_start AND period_end <= '9999-12-30 00:00+00'),
    CONSTRAINT stats_teams_created_at_check
    CHECK (created_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00'),
    CONSTRAINT stats_teams_updated_at_check
    CHECK (updated_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00')
);

COMMENT ON TABLE stats_teams IS 'What happened in each team in each period that saw any of it.';
COMMENT ON COLUMN stats_teams.period_start IS 'Included; of UTC.';
COMMENT ON COLUMN stats_teams.period_end IS 'Excluded; of UTC.';
COMMENT ON COLUMN stats_teams.members_created IS
'Counted by teams.create_with_initial_setup and members.add.';
