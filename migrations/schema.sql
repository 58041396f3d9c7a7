-- The schema that all migrations together make, where each extension can be had.
-- For reading and comparing. Written by `python -m tools.write_schema`; do not edit.

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE TABLE public.bookmarks (
    user_id bigint NOT NULL,
    resource_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT bookmarks_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.bookmarks IS 'Which user marked which resource; counted in resources.bookmarks.';

CREATE TABLE public.change_events (
    user_id bigint NOT NULL,
    event_id uuid NOT NULL,
    seq bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    entity_type text NOT NULL COLLATE pg_catalog."C",
    entity_id bigint NOT NULL,
    change_type text NOT NULL COLLATE pg_catalog."C",
    changed_fields text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    previous_data jsonb,
    new_data jsonb,
    published_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    parked_at timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_by uuid,
    claimed_until timestamp with time zone,
    resent_at timestamp with time zone,
    CONSTRAINT change_events_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT change_events_change_type_check CHECK (((char_length(change_type) >= 1) AND (char_length(change_type) <= 64))),
    CONSTRAINT change_events_changed_fields_check CHECK (((COALESCE(array_ndims(changed_fields), 1) = 1) AND (array_position(changed_fields, NULL::text) IS NULL))),
    CONSTRAINT change_events_claimed_until_check CHECK (((claimed_until >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (claimed_until <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT change_events_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT change_events_entity_type_check CHECK (((char_length(entity_type) >= 1) AND (char_length(entity_type) <= 64))),
    CONSTRAINT change_events_last_error_check CHECK ((char_length(last_error) <= 10000)),
    CONSTRAINT change_events_not_before_check CHECK (((not_before >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (not_before <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT change_events_parked_at_check CHECK (((parked_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (parked_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT change_events_published_at_check CHECK (((published_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (published_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT change_events_resent_at_check CHECK (((resent_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (resent_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.change_events IS 'Transactional outbox: written with the change it tells of, delivered at least once after commit.';

COMMENT ON COLUMN public.change_events.user_id IS 'Who made the change.';

COMMENT ON COLUMN public.change_events.event_id IS 'Made by the client: the same over its retries.';

COMMENT ON COLUMN public.change_events.seq IS 'Order within an entity; over all, not commit order.';

COMMENT ON COLUMN public.change_events.xid IS 'The writing transaction; readers go by (xid, seq).';

COMMENT ON COLUMN public.change_events.previous_data IS 'NULL: the entity was created, or it is not told.';

COMMENT ON COLUMN public.change_events.new_data IS 'NULL: the entity was deleted, or it is not told.';

COMMENT ON COLUMN public.change_events.published_at IS 'NULL: not yet delivered.';

COMMENT ON COLUMN public.change_events.attempts IS 'Failed deliveries so far.';

COMMENT ON COLUMN public.change_events.not_before IS 'After a failure: when to try again. NULL: at once.';

COMMENT ON COLUMN public.change_events.parked_at IS 'When the relay gave up on it. NULL: it has not.';

COMMENT ON COLUMN public.change_events.last_error IS 'Why the latest delivery failed. NULL: none failed.';

COMMENT ON COLUMN public.change_events.claimed_by IS 'The claim of the relay that delivers it, made anew for each poll. NULL: none.';

COMMENT ON COLUMN public.change_events.claimed_until IS 'Until then no other relay claims it. NULL: never claimed, or given back.';

COMMENT ON COLUMN public.change_events.resent_at IS 'When it was sent again after it was parked: later events may have come before it. NULL: never.';

ALTER TABLE public.change_events ALTER COLUMN seq ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.change_events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.chat_participants (
    chat_id bigint NOT NULL,
    user_id bigint NOT NULL,
    has_unread boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chat_participants_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.chat_participants IS 'Which user takes part in which chat.';

COMMENT ON COLUMN public.chat_participants.has_unread IS 'Moves no revision or updated_at of the chat.';

CREATE TABLE public.chats (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    team_id bigint,
    creator_id bigint,
    is_private boolean DEFAULT false NOT NULL,
    open_to_anyone_with_invite boolean DEFAULT false NOT NULL,
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chats_config_check CHECK ((jsonb_typeof(config) = 'object'::text)),
    CONSTRAINT chats_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT chats_public_id_check CHECK ((public_id ~ '^[0-9a-z]{12}$'::text)),
    CONSTRAINT chats_revision_check CHECK ((revision >= 0)),
    CONSTRAINT chats_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.chats IS 'Conversations.';

COMMENT ON COLUMN public.chats.team_id IS 'NULL: a chat outside any team.';

COMMENT ON COLUMN public.chats.creator_id IS 'NULL: that user was deleted, or is not known.';

COMMENT ON COLUMN public.chats.revision IS 'Changes of the row; its participants apart, and creator_id becoming NULL.';

ALTER TABLE public.chats ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.chats_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.counter_reconciliations (
    entity_type text NOT NULL COLLATE pg_catalog."C",
    entity_id bigint NOT NULL,
    counter text NOT NULL COLLATE pg_catalog."C",
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT counter_reconciliations_counter_check CHECK (((char_length(counter) >= 1) AND (char_length(counter) <= 64))),
    CONSTRAINT counter_reconciliations_entity_type_check CHECK (((char_length(entity_type) >= 1) AND (char_length(entity_type) <= 64))),
    CONSTRAINT counter_reconciliations_requested_at_check CHECK (((requested_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (requested_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.counter_reconciliations IS 'Counters to compare with the rows they count; a request leaves when it was dealt with.';

COMMENT ON COLUMN public.counter_reconciliations.counter IS 'The column of the entity: bookmarks.';

CREATE TABLE public.members (
    team_id bigint NOT NULL,
    user_id bigint NOT NULL,
    is_admin boolean DEFAULT false NOT NULL,
    permissions jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT members_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT members_permissions_check CHECK ((jsonb_typeof(permissions) = 'object'::text)),
    CONSTRAINT members_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.members IS 'Which user belongs to which team.';

COMMENT ON COLUMN public.members.permissions IS 'A JSON object: what the member may do in the team.';

CREATE TABLE public.pruned_events (
    id integer DEFAULT 1 NOT NULL,
    xid xid8 NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT pruned_events_id_check CHECK ((id = 1))
);

COMMENT ON TABLE public.pruned_events IS 'The last position (xid, seq) of change_events that was pruned. A reader before it missed events.';

CREATE TABLE public.resource_translations (
    resource_id bigint NOT NULL,
    language text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    name_folded text,
    description_folded text,
    CONSTRAINT resource_translations_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT resource_translations_description_check CHECK ((char_length(description) <= 10000)),
    CONSTRAINT resource_translations_description_folded_check CHECK ((char_length(description_folded) <= 180000)),
    CONSTRAINT resource_translations_language_check CHECK (((char_length(language) <= 35) AND (language ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$'::text))),
    CONSTRAINT resource_translations_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT resource_translations_name_folded_check CHECK ((char_length(name_folded) <= 4590)),
    CONSTRAINT resource_translations_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.resource_translations IS 'Name and description of a resource in each language.';

COMMENT ON COLUMN public.resource_translations.language IS 'A BCP 47 tag.';

COMMENT ON COLUMN public.resource_translations.description IS 'NULL: none written.';

COMMENT ON COLUMN public.resource_translations.name_folded IS 'For search. NULL: as lower(name) has it.';

COMMENT ON COLUMN public.resource_translations.description_folded IS 'For search. NULL: as lower(description) has it.';

CREATE TABLE public.resource_versions (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    resource_id bigint NOT NULL,
    version_index integer NOT NULL,
    version_label text NOT NULL COLLATE pg_catalog."C",
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    is_complete boolean DEFAULT false NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT resource_versions_config_check CHECK ((jsonb_typeof(config) = 'object'::text)),
    CONSTRAINT resource_versions_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT resource_versions_public_id_check CHECK ((public_id ~ '^[0-9a-z]{12}$'::text)),
    CONSTRAINT resource_versions_revision_check CHECK ((revision >= 0)),
    CONSTRAINT resource_versions_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT resource_versions_version_index_check CHECK ((version_index >= 0)),
    CONSTRAINT resource_versions_version_label_check CHECK (((char_length(version_label) >= 1) AND (char_length(version_label) <= 128)))
);

COMMENT ON TABLE public.resource_versions IS 'The contents of a resource, one row for each version.';

COMMENT ON COLUMN public.resource_versions.version_index IS 'From 0, in the order in which versions came.';

COMMENT ON COLUMN public.resource_versions.revision IS 'Changes of the row.';

ALTER TABLE public.resource_versions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.resource_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.resources (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    resource_type text NOT NULL COLLATE pg_catalog."C",
    is_private boolean DEFAULT false NOT NULL,
    is_deleted boolean DEFAULT false NOT NULL,
    deleted_at timestamp with time zone,
    deleted_by_id bigint,
    has_complete_version boolean DEFAULT false NOT NULL,
    score bigint DEFAULT 0 NOT NULL,
    bookmarks bigint DEFAULT 0 NOT NULL,
    views bigint DEFAULT 0 NOT NULL,
    created_by_id bigint,
    latest_version_id bigint,
    last_version_index integer DEFAULT '-1'::integer NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT resources_bookmarks_check CHECK ((bookmarks >= 0)),
    CONSTRAINT resources_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT resources_deleted_at_check CHECK (((deleted_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (deleted_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT resources_last_version_index_check CHECK ((last_version_index >= '-1'::integer)),
    CONSTRAINT resources_public_id_check CHECK ((public_id ~ '^[0-9a-z]{12}$'::text)),
    CONSTRAINT resources_resource_type_check CHECK ((resource_type = ANY (ARRAY['Api'::text, 'Code'::text, 'Data'::text, 'Note'::text, 'Project'::text, 'Prompt'::text, 'Routine'::text, 'Standard'::text]))),
    CONSTRAINT resources_revision_check CHECK ((revision >= 0)),
    CONSTRAINT resources_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT resources_views_check CHECK ((views >= 0))
);

COMMENT ON TABLE public.resources IS 'Anything users make, share and run; its content is in its versions.';

COMMENT ON COLUMN public.resources.is_deleted IS 'Soft deletion: out of every listing, still found by id.';

COMMENT ON COLUMN public.resources.deleted_at IS 'NULL: not deleted.';

COMMENT ON COLUMN public.resources.deleted_by_id IS 'NULL: not deleted, or that user was deleted since.';

COMMENT ON COLUMN public.resources.score IS 'Votes up less votes down; may be negative.';

COMMENT ON COLUMN public.resources.bookmarks IS 'Rows of bookmarks for this resource, kept by difference.';

COMMENT ON COLUMN public.resources.created_by_id IS 'NULL: that user was deleted, or is not known.';

COMMENT ON COLUMN public.resources.latest_version_id IS 'A version of this resource. NULL: none.';

COMMENT ON COLUMN public.resources.last_version_index IS 'The highest version_index given; -1: none.';

COMMENT ON COLUMN public.resources.revision IS 'Changes of the row; the three counters apart, and references that become NULL by a deletion.';

ALTER TABLE public.resources ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.resources_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.run_io (
    user_id bigint NOT NULL,
    run_id bigint NOT NULL,
    side text NOT NULL COLLATE pg_catalog."C",
    step integer DEFAULT 0 NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    value jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT run_io_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT run_io_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255))),
    CONSTRAINT run_io_side_check CHECK ((side = ANY (ARRAY['input'::text, 'output'::text]))),
    CONSTRAINT run_io_step_check CHECK ((step >= 0)),
    CONSTRAINT run_io_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.run_io IS 'Inputs and outputs of runs and of their steps.';

COMMENT ON COLUMN public.run_io.step IS '0: of the run itself; otherwise the number of the step.';

COMMENT ON COLUMN public.run_io.value IS 'Any JSON value; the JSON null is one.';

CREATE TABLE public.run_steps (
    user_id bigint NOT NULL,
    run_id bigint NOT NULL,
    step integer NOT NULL,
    name text NOT NULL,
    status text DEFAULT 'Scheduled'::text NOT NULL COLLATE pg_catalog."C",
    time_elapsed bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT run_steps_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT run_steps_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT run_steps_status_check CHECK ((status = ANY (ARRAY['Scheduled'::text, 'InProgress'::text, 'Completed'::text, 'Skipped'::text, 'Failed'::text]))),
    CONSTRAINT run_steps_step_check CHECK ((step >= 1)),
    CONSTRAINT run_steps_time_elapsed_check CHECK ((time_elapsed >= 0)),
    CONSTRAINT run_steps_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.run_steps IS 'The steps of a run.';

COMMENT ON COLUMN public.run_steps.step IS 'From 1, in order; 0 means the run itself (see run_io).';

COMMENT ON COLUMN public.run_steps.time_elapsed IS 'Milliseconds of work. NULL: not measured.';

CREATE TABLE public.runs (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    resource_version_id bigint,
    name text NOT NULL,
    status text DEFAULT 'Scheduled'::text NOT NULL COLLATE pg_catalog."C",
    is_private boolean DEFAULT false NOT NULL,
    data jsonb,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    time_elapsed bigint,
    completed_complexity integer DEFAULT 0 NOT NULL,
    context_switches integer DEFAULT 0 NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    public_id text DEFAULT translate("left"(encode(sha256(uuid_send(gen_random_uuid())), 'base64'::text), 12), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ+/'::text, 'abcdefghijklmnopqrstuvwxyz01'::text) NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT runs_completed_at_check CHECK (((completed_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (completed_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT runs_completed_complexity_check CHECK ((completed_complexity >= 0)),
    CONSTRAINT runs_context_switches_check CHECK ((context_switches >= 0)),
    CONSTRAINT runs_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT runs_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT runs_public_id_check CHECK (((public_id IS NOT NULL) AND (public_id ~ '^[0-9a-z]{12}$'::text))),
    CONSTRAINT runs_revision_check CHECK ((revision >= 0)),
    CONSTRAINT runs_started_at_check CHECK (((started_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (started_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['Scheduled'::text, 'InProgress'::text, 'Paused'::text, 'Completed'::text, 'Failed'::text, 'Cancelled'::text]))),
    CONSTRAINT runs_time_elapsed_check CHECK ((time_elapsed >= 0)),
    CONSTRAINT runs_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.runs IS 'Executions of a resource version by a user.';

COMMENT ON COLUMN public.runs.resource_version_id IS 'NULL: a run of nothing that is stored here.';

COMMENT ON COLUMN public.runs.data IS 'Any JSON value of the client. NULL: none.';

COMMENT ON COLUMN public.runs.started_at IS 'Set once. NULL: never started.';

COMMENT ON COLUMN public.runs.completed_at IS 'When it was Completed, Failed or Cancelled. NULL: not yet.';

COMMENT ON COLUMN public.runs.time_elapsed IS 'Milliseconds of work. NULL: not measured.';

COMMENT ON COLUMN public.runs.revision IS 'Changes of the row; its steps, inputs and outputs apart.';

COMMENT ON COLUMN public.runs.public_id IS '12 of [0-9a-z], made by the client; the id shown outside. The default serves older clients.';

ALTER TABLE public.runs ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stats_teams (
    team_id bigint NOT NULL,
    period_type text NOT NULL COLLATE pg_catalog."C",
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    members_created bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stats_teams_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT stats_teams_members_created_check CHECK ((members_created >= 0)),
    CONSTRAINT stats_teams_period_end_check CHECK (((period_end > period_start) AND (period_end <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT stats_teams_period_start_check CHECK (((period_start >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (period_start <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT stats_teams_period_type_check CHECK ((period_type = ANY (ARRAY['Hourly'::text, 'Daily'::text, 'Weekly'::text, 'Monthly'::text, 'Yearly'::text]))),
    CONSTRAINT stats_teams_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.stats_teams IS 'What happened in each team in each period that saw any of it.';

COMMENT ON COLUMN public.stats_teams.period_start IS 'Included; of UTC.';

COMMENT ON COLUMN public.stats_teams.period_end IS 'Excluded; of UTC.';

COMMENT ON COLUMN public.stats_teams.members_created IS 'Counted by teams.create_with_initial_setup and members.add.';

CREATE TABLE public.stats_users (
    user_id bigint NOT NULL,
    period_type text NOT NULL COLLATE pg_catalog."C",
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    runs_started bigint DEFAULT 0 NOT NULL,
    runs_completed bigint DEFAULT 0 NOT NULL,
    resources_deleted bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stats_users_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT stats_users_period_end_check CHECK (((period_end > period_start) AND (period_end <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT stats_users_period_start_check CHECK (((period_start >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (period_start <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT stats_users_period_type_check CHECK ((period_type = ANY (ARRAY['Hourly'::text, 'Daily'::text, 'Weekly'::text, 'Monthly'::text, 'Yearly'::text]))),
    CONSTRAINT stats_users_resources_deleted_check CHECK ((resources_deleted >= 0)),
    CONSTRAINT stats_users_runs_completed_check CHECK ((runs_completed >= 0)),
    CONSTRAINT stats_users_runs_started_check CHECK ((runs_started >= 0)),
    CONSTRAINT stats_users_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.stats_users IS 'What each user did in each period that saw any of it.';

COMMENT ON COLUMN public.stats_users.period_start IS 'Included; of UTC.';

COMMENT ON COLUMN public.stats_users.period_end IS 'Excluded; of UTC.';

COMMENT ON COLUMN public.stats_users.runs_started IS 'Counted by runs.start_with_steps.';

COMMENT ON COLUMN public.stats_users.runs_completed IS 'Counted by runs.update_status.';

COMMENT ON COLUMN public.stats_users.resources_deleted IS 'Resources that the user soft-deleted.';

CREATE TABLE public.teams (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    handle text COLLATE pg_catalog."C",
    is_private boolean DEFAULT false NOT NULL,
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_by_id bigint,
    revision integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT teams_config_check CHECK ((jsonb_typeof(config) = 'object'::text)),
    CONSTRAINT teams_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT teams_handle_check CHECK ((handle ~ '^[a-z0-9_]{3,30}$'::text)),
    CONSTRAINT teams_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT teams_public_id_check CHECK ((public_id ~ '^[0-9a-z]{12}$'::text)),
    CONSTRAINT teams_revision_check CHECK ((revision >= 0)),
    CONSTRAINT teams_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
);

COMMENT ON TABLE public.teams IS 'Groups of users.';

COMMENT ON COLUMN public.teams.created_by_id IS 'NULL: that user was deleted, or is not known.';

COMMENT ON COLUMN public.teams.revision IS 'Changes of the row; created_by_id becoming NULL apart.';

ALTER TABLE public.teams ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.teams_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.users (
    id bigint NOT NULL,
    public_id text NOT NULL COLLATE pg_catalog."C",
    email text COLLATE pg_catalog."C",
    name text NOT NULL,
    handle text COLLATE pg_catalog."C",
    is_bot boolean DEFAULT false NOT NULL,
    is_private boolean DEFAULT false NOT NULL,
    languages text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    last_active_at timestamp with time zone,
    revision integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    name_folded text,
    CONSTRAINT users_created_at_check CHECK (((created_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT users_email_check CHECK (((char_length(email) <= 320) AND (POSITION(('@'::text) IN (email)) > 1) AND (email !~ '[A-Z]'::text))),
    CONSTRAINT users_handle_check CHECK ((handle ~ '^[a-z0-9_]{3,30}$'::text)),
    CONSTRAINT users_languages_check CHECK (((cardinality(languages) <= 100) AND (COALESCE(array_ndims(languages), 1) = 1) AND (array_to_string(languages, ' '::text, '?'::text) ~ '^$|^[A-Za-z0-9-]{2,35}( [A-Za-z0-9-]{2,35})*$'::text))),
    CONSTRAINT users_last_active_at_check CHECK (((last_active_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (last_active_at <= '9999-12-30 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT users_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT users_name_folded_check CHECK ((char_length(name_folded) <= 4590)),
    CONSTRAINT users_public_id_check CHECK ((public_id ~ '^[0-9a-z]{12}$'::text)),
    CONSTRAINT users_revision_check CHECK ((revision >= 0)),
    CONSTRAINT users_updated_at_check CHECK (((updated_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-30 00:00:00+00'::timestamp with time zone)))
)
WITH (fillfactor='90');

COMMENT ON TABLE public.users IS 'People and bots.';

COMMENT ON COLUMN public.users.public_id IS '12 of [0-9a-z], made by the client; the id shown outside.';

COMMENT ON COLUMN public.users.email IS 'Normalised by the client: NFC, lower case. NULL: none given.';

COMMENT ON COLUMN public.users.handle IS 'ASCII lower case. NULL: none chosen.';

COMMENT ON COLUMN public.users.languages IS 'BCP 47 tags, the preferred one first.';

COMMENT ON COLUMN public.users.last_active_at IS 'NULL: never seen. Moves no revision or updated_at.';

COMMENT ON COLUMN public.users.revision IS 'Changes of the row; last_active_at apart.';

COMMENT ON COLUMN public.users.name_folded IS 'For search. NULL: as lower(name) has it.';

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.vrooli_data_migrations (
    id text NOT NULL COLLATE pg_catalog."C",
    sha256 text NOT NULL COLLATE pg_catalog."C",
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_pkey PRIMARY KEY (user_id, resource_id);

ALTER TABLE ONLY public.change_events
    ADD CONSTRAINT change_events_pkey PRIMARY KEY (user_id, event_id);

ALTER TABLE ONLY public.chat_participants
    ADD CONSTRAINT chat_participants_pkey PRIMARY KEY (chat_id, user_id);

ALTER TABLE ONLY public.chats
    ADD CONSTRAINT chats_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chats
    ADD CONSTRAINT chats_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.counter_reconciliations
    ADD CONSTRAINT counter_reconciliations_pkey PRIMARY KEY (entity_type, entity_id, counter);

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (team_id, user_id);

ALTER TABLE ONLY public.pruned_events
    ADD CONSTRAINT pruned_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.resource_translations
    ADD CONSTRAINT resource_translations_pkey PRIMARY KEY (resource_id, language);

ALTER TABLE ONLY public.resource_versions
    ADD CONSTRAINT resource_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.resource_versions
    ADD CONSTRAINT resource_versions_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.resource_versions
    ADD CONSTRAINT resource_versions_resource_id_id_key UNIQUE (resource_id, id);

ALTER TABLE ONLY public.resource_versions
    ADD CONSTRAINT resource_versions_resource_id_version_index_key UNIQUE (resource_id, version_index);

ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.run_io
    ADD CONSTRAINT run_io_pkey PRIMARY KEY (user_id, run_id, side, step, key);

ALTER TABLE ONLY public.run_steps
    ADD CONSTRAINT run_steps_pkey PRIMARY KEY (user_id, run_id, step);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.stats_teams
    ADD CONSTRAINT stats_teams_pkey PRIMARY KEY (team_id, period_type, period_start);

ALTER TABLE ONLY public.stats_users
    ADD CONSTRAINT stats_users_pkey PRIMARY KEY (user_id, period_type, period_start);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_handle_key UNIQUE (handle);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_handle_key UNIQUE (handle);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_public_id_key UNIQUE (public_id);

ALTER TABLE ONLY public.vrooli_data_migrations
    ADD CONSTRAINT vrooli_data_migrations_pkey PRIMARY KEY (id);

CREATE INDEX bookmarks_resource_id_idx ON public.bookmarks USING btree (resource_id);

CREATE INDEX bookmarks_user_id_created_at_resource_id_idx ON public.bookmarks USING btree (user_id, created_at DESC, resource_id DESC);

CREATE INDEX change_events_entity_type_entity_id_seq_idx ON public.change_events USING btree (entity_type, entity_id, seq) WHERE ((published_at IS NULL) AND (parked_at IS NULL));

CREATE INDEX change_events_parked_at_seq_idx ON public.change_events USING btree (parked_at DESC, seq DESC) WHERE (parked_at IS NOT NULL);

CREATE INDEX change_events_parked_entity_type_entity_id_seq_idx ON public.change_events USING btree (entity_type, entity_id, seq) WHERE (parked_at IS NOT NULL);

CREATE INDEX change_events_published_at_idx ON public.change_events USING btree (published_at) WHERE (published_at IS NOT NULL);

CREATE INDEX change_events_xid_seq_idx ON public.change_events USING btree (xid, seq);

CREATE INDEX chat_participants_user_id_chat_id_idx ON public.chat_participants USING btree (user_id, chat_id);

CREATE INDEX chats_created_at_id_idx ON public.chats USING btree (created_at DESC, id DESC) WHERE (NOT is_private);

CREATE INDEX chats_creator_id_idx ON public.chats USING btree (creator_id);

CREATE INDEX chats_team_id_idx ON public.chats USING btree (team_id);

CREATE INDEX counter_reconciliations_requested_at_key_idx ON public.counter_reconciliations USING btree (requested_at, entity_type, entity_id, counter);

CREATE INDEX members_user_id_created_at_team_id_idx ON public.members USING btree (user_id, created_at DESC, team_id DESC);

CREATE INDEX resource_translations_description_folded_idx ON public.resource_translations USING gin (COALESCE(description_folded, lower(description)) public.gin_trgm_ops);

CREATE INDEX resource_translations_name_folded_idx ON public.resource_translations USING gin (COALESCE(name_folded, lower(name)) public.gin_trgm_ops);

CREATE INDEX resources_created_by_id_created_at_id_idx ON public.resources USING btree (created_by_id, created_at DESC, id DESC);

CREATE INDEX resources_deleted_by_id_idx ON public.resources USING btree (deleted_by_id) WHERE (deleted_by_id IS NOT NULL);

CREATE INDEX resources_resource_type_bookmarks_id_idx ON public.resources USING btree (resource_type, bookmarks DESC, id DESC) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE INDEX resources_resource_type_created_at_id_idx ON public.resources USING btree (resource_type, created_at DESC, id DESC) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE INDEX resources_resource_type_score_id_idx ON public.resources USING btree (resource_type, score DESC, id DESC) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE INDEX resources_resource_type_updated_at_id_idx ON public.resources USING btree (resource_type, updated_at DESC, id DESC) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE INDEX resources_resource_type_views_id_idx ON public.resources USING btree (resource_type, views DESC, id DESC) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE INDEX resources_score_bookmarks_views_id_created_at_idx ON public.resources USING btree (score DESC, bookmarks DESC, views DESC, id DESC, created_at) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE INDEX resources_score_id_idx ON public.resources USING btree (score DESC, id DESC) WHERE ((NOT is_private) AND (NOT is_deleted) AND has_complete_version);

CREATE UNIQUE INDEX runs_id_key ON public.runs USING btree (id);

CREATE UNIQUE INDEX runs_public_id_key ON public.runs USING btree (public_id);

CREATE INDEX runs_resource_version_id_status_idx ON public.runs USING btree (resource_version_id, status);

CREATE INDEX runs_status_created_at_id_idx ON public.runs USING btree (status, created_at DESC, id DESC) INCLUDE (time_elapsed);

CREATE INDEX runs_user_id_created_at_id_idx ON public.runs USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX runs_user_id_status_created_at_id_idx ON public.runs USING btree (user_id, status, created_at DESC, id DESC) INCLUDE (time_elapsed);

CREATE INDEX teams_created_at_id_idx ON public.teams USING btree (created_at DESC, id DESC) WHERE (NOT is_private);

CREATE INDEX teams_created_by_id_idx ON public.teams USING btree (created_by_id);

CREATE INDEX users_created_at_id_idx ON public.users USING btree (created_at DESC, id DESC) WHERE (NOT is_private);

CREATE INDEX users_email_idx ON public.users USING gin (email public.gin_trgm_ops);

CREATE INDEX users_handle_idx ON public.users USING gin (handle public.gin_trgm_ops);

CREATE INDEX users_name_folded_idx ON public.users USING gin (COALESCE(name_folded, lower(name)) public.gin_trgm_ops);

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES public.resources(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.bookmarks
    ADD CONSTRAINT bookmarks_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chat_participants
    ADD CONSTRAINT chat_participants_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES public.chats(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chat_participants
    ADD CONSTRAINT chat_participants_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chats
    ADD CONSTRAINT chats_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.chats
    ADD CONSTRAINT chats_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.resource_translations
    ADD CONSTRAINT resource_translations_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES public.resources(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.resource_versions
    ADD CONSTRAINT resource_versions_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES public.resources(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_deleted_by_id_fkey FOREIGN KEY (deleted_by_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.resources
    ADD CONSTRAINT resources_id_latest_version_id_fkey FOREIGN KEY (id, latest_version_id) REFERENCES public.resource_versions(resource_id, id) ON DELETE SET NULL (latest_version_id) DEFERRABLE;

ALTER TABLE ONLY public.run_io
    ADD CONSTRAINT run_io_user_id_run_id_fkey FOREIGN KEY (user_id, run_id) REFERENCES public.runs(user_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run_steps
    ADD CONSTRAINT run_steps_user_id_run_id_fkey FOREIGN KEY (user_id, run_id) REFERENCES public.runs(user_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_resource_version_id_fkey FOREIGN KEY (resource_version_id) REFERENCES public.resource_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.stats_teams
    ADD CONSTRAINT stats_teams_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.stats_users
    ADD CONSTRAINT stats_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES public.users(id) ON DELETE SET NULL;
