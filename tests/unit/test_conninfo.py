"""Connection strings: what is wrong is named, and no part of a password is shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq

from vrooli_data import AsyncDatabase, Database, InvalidInput, mend_search, migrate
from vrooli_data._conninfo import read_conninfo, settings_of_options

PORT = "the port is not a number from 1 to 65535"
ENCODE = "percent-encode the password"

OF_NO_VERSION = "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2"
#: The first version of libpq that has the parameter is not the oldest that is supported.
LATER = [
    name
    for name in ("sslnegotiation", "load_balance_hosts", "require_auth", "sslcertmode")
    if name.encode() in {option.keyword for option in pq.Conninfo.get_defaults()}
]

#: By what is named: what is wrong.
WRONG = [
    ("the scheme postgresql+psycopg is", "postgresql+psycopg://ada:S3cr3t@h/db"),
    ("the scheme postgresql+asyncpg is", "postgresql+asyncpg://ada:S3cr3t@h/db"),
    ("the scheme jdbc:postgresql is", "jdbc:postgresql://h/db?password=S3cr3t"),
    ("the scheme prisma+postgres is", "prisma+postgres://h/?api_key=S3cr3t"),
    ("the scheme POSTGRESQL is", "POSTGRESQL://ada:S3cr3t@h/db"),
    ("the scheme postgresql is", "postgresql:ada:S3cr3t@h/db"),
    ("the scheme is", "S3cr3t://h/db"),
    ("parameter schema is unknown to libpq: pass schema=", "postgresql://a:S3cr3t@h/d?schema=s"),
    ("parameter pgbouncer is unknown", "postgresql://a:S3cr3t@h/d?sslmode=require&pgbouncer=true"),
    ("parameter connection_limit is", "postgresql://a:S3cr3t@h/d?connection_limit=1"),
    (
        "parameter currentSchema is unknown to libpq: pass",
        "postgresql://a:S3cr3t@h/d?currentSchema=s",
    ),
    ("parameter sslmod is unknown to libpq: write sslmode", "postgresql://h/d?sslmod=require"),
    ("parameter ssl is unknown to libpq: write sslmode", "postgresql://a:S3cr3t@h/d?ssl=1"),
    ("parameter foo is unknown", "postgresql://h/d?foo=S3cr3t"),
    ("parameter schema is unknown to libpq", "host=h password=S3cr3t schema=s"),
    ("parameter hostadr is unknown to libpq: write hostaddr", "dbname=d hostadr=127.0.0.1"),
    ("parameter 3 is unknown", "host=h password=a S3cr3t=b"),
    ("parameter 2 of the URL has no =", "postgresql://h/d?sslmode=require&S3cr3t"),
    ("parameter 1 of the URL has no =", "postgresql://ada:S3cr3t@h/d?&"),
    ("parameter 2 of the URL has no =", "postgresql://h/d?password=S3cr3t&&sslmode=require"),
    ("parameter SSLMODE is unknown to libpq: write sslmode", "postgresql://h/d?SSLMODE=require"),
    ("parameter requiressl is unknown to libpq: write sslmode", "postgresql://h/d?requiressl=1"),
    ("the value of host contains a password", "host=h;port=5432;password=S3cr3t"),
    ("the value of host contains a password", "host=/tmp;user=ada;Pwd=S3cr3t"),
    ("the value of host contains a password", "host=h,password=S3cr3t"),
    ("the value of host contains a password", "host=h\u00a0password=S3cr3t"),
    ("the value of user contains a password", "host=h user=ada;password=S3cr3t"),
    ("the value of sslmode contains a password", "host=h sslmode=require;password=S3cr3t"),
    ("the value of dbname contains a password", "postgresql://h/d;password=S3cr3t"),
    ("the value of dbname contains a password", "postgresql://h/d&password=S3cr3t"),
    ("the value of dbname contains a password", "dbname='host=h password=S3cr3t'"),
    ("has a second =", "postgresql://h/d?password=S3cr3t=x"),
    ("is in quotes", '"postgresql://ada:S3cr3t@h/db"'),
    ("is in quotes", "'host=h password=S3cr3t'"),
    ("is in quotes", "\u201cpostgresql://ada:S3cr3t@h/db\u201d"),
    ("ends with a space or a line end", "postgresql://ada:S3cr3t@h/db\n"),
    ("ends with a space or a line end", "postgresql://ada:S3cr3t@h/db "),
    ("begins with a space or a line end", "\n postgresql://ada:S3cr3t@h/db"),
    ("there is text before postgresql://", "psql postgresql://ada:S3cr3t@h/db"),
    ("there is text before postgresql://", "DATABASE_URL=postgresql://ada:S3cr3t@h/db"),
    (PORT, "postgresql://ada:S3cr3t@h:x/db"),
    (PORT, "postgresql://ada:S3cr3t@h:5432,h:70000/db"),
    (PORT, "postgresql://ada:S3cr3t@[::1]:0/db"),
    (f"{PORT}; write @host behind user:password", "postgresql://ada:S3cr3t/db"),
    (PORT, "host=h password=S3cr3t port=S3cr3t"),
    ("the host has a wrong IPv6 address: write", "postgresql://ada:S3cr3t@[::1/db"),
    ("the host has a wrong IPv6 address: write", "postgresql://ada:S3cr3t@h,[::1]x/db"),
    ("the host has a wrong IPv6 address: write", "postgresql://ada:S3cr3t@[]/db"),
    ("the host cannot be looked up", "postgresql://ada:S3cr3t@a..b/db"),
    ("the host cannot be looked up", f"host={'x' * 64}.example password=S3cr3t"),
    *[
        (f"{name} is not a whole number", f"host=h password=S3cr3t {name}=S3cr3t")
        for name in (
            "connect_timeout",
            "keepalives",
            "keepalives_idle",
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
        )
    ],
    *[
        (f"libpq refuses the value of {name}", f"host=h password=x {name}=S3cr3t")
        for name in (
            "sslmode",
            "channel_binding",
            "gssencmode",
            "ssl_min_protocol_version",
            "ssl_max_protocol_version",
            "target_session_attrs",
            *LATER,
        )
    ],
    ("libpq refuses the value of sslmode", "postgresql://ada:S3cr3t@h/d?sslmode=requir"),
    ("libpq refuses the value of port", "host=h port=1,2 password=S3cr3t"),
    ("libpq refuses the value of port", "postgresql://a:S3cr3t@h/d?port=1,2,3"),
    ("values of ssl_min_protocol_version and ssl_max_protocol_version exclude", OF_NO_VERSION),
    ("hostaddr is not an IP address", "hostaddr=S3cr3t"),
    ("hostaddr is not an IP address", "host=a,b hostaddr=127.0.0.1,example password=S3cr3t"),
    ("host and hostaddr have different numbers", "host=a,b hostaddr=::1 password=S3cr3t"),
    ("the service is not defined", "service=S3cr3t"),
    ("name of the database is a URL", "host=h dbname=postgresql://ada:S3cr3t@h/db"),
    ("the password has a % that begins no", "postgresql://ada:S3cr3t%zz@h/db"),
    ("the user name has a % that begins no", "postgresql://S3cr3t%:x@h/db"),
    ("the name of the database has a % that begins no", "postgresql://ada:S3cr3t@h/a%00"),
    ("the password has escapes that are not UTF-8", "postgresql://ada:S3cr3t%90@localhost/x"),
    ("the user name has escapes that are not UTF-8", "postgresql://S3cr3t%E9@localhost/x"),
    (
        "the parameter password has escapes that are not UTF-8",
        "postgresql://h/d?password=S3cr3t%FF",
    ),
    ("the password has a space", "postgresql://ada:S3cr3t Pw@localhost/x"),
    (ENCODE, "postgresql://ada:S3cr3t@more@127.0.0.1:1/x"),
    (ENCODE, "postgresql://ada:S3cr3t/more@127.0.0.1:1/x"),
    (ENCODE, "postgresql://ada:S3cr3t:1@x@127.0.0.1:1/x"),
    (ENCODE, "postgresql://ada:x@S3cr3t@127.0.0.1:1/x"),
    (ENCODE, "postgresql://ada:S3cr3t?x/y@h/x"),
    (ENCODE, "postgresql://ada:5432?S3cr3t=1/y@h/x"),
    ("a quote is not closed", "host=h password='S3cr3t"),
    ("is not a libpq connection string or URL", "S3cr3t x"),
    ("is not a libpq connection string or URL", "S3cr3t=x"),
    ("give a libpq connection string or URL", " \n"),
]

#: Legal, though not every day's.
RIGHT = [
    ("postgresql://h/a%40b", {"host": "h", "dbname": "a@b"}),
    ("postgresql://u%40x:p%40@h/db", {"user": "u@x", "password": "p@"}),
    ("postgresql://h/db?user=a@b", {"user": "a@b"}),
    ("postgresql://[::1]:5432/db", {"host": "::1", "port": "5432"}),
    ("postgresql://h1:1,h2:2/db", {"host": "h1,h2", "port": "1,2"}),
    ("postgresql://%2Fvar%2Frun/db", {"host": "/var/run"}),
    ("postgresql://%40abstract/db", {"host": "@abstract"}),
    ("postgresql://h/db?ssl=true", {"sslmode": "require"}),
    ("postgres:///?host=/run&port=5", {"host": "/run", "port": "5"}),
    ("postgresql://h/db?sslmode=prefer&", {"dbname": "db", "sslmode": "prefer"}),
    ("host=/a=b;c=d dbname=e=f", {"host": "/a=b;c=d", "dbname": "e=f"}),
    ("host=h application_name=password=x", {"application_name": "password=x"}),
    ("postgresql://h/d%C3%BC%20b", {"dbname": "d\u00fc b"}),
    ("host=h dbname=x\n", {"host": "h", "dbname": "x"}),
    ("host=b\u00fccher.example password='a b\\' =c'", {"password": "a b' =c"}),
    ("host='' hostaddr=127.0.0.1 port=5432,", {"hostaddr": "127.0.0.1"}),
]

_HARD = st.text("aZ09@:/?#%&= '\"\\[]+,.-_~\u00fc\n", min_size=1, max_size=12)


@pytest.mark.parametrize(("named", "conninfo"), WRONG)
@pytest.mark.parametrize("call", [Database.connect, AsyncDatabase.connect, migrate])
def test_what_is_wrong_is_named_and_a_password_is_not_shown(
    call: type, named: str, conninfo: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(conninfo)
    assert str(caught.value).startswith("conninfo: ")
    assert named in str(caught.value)
    assert "S3cr3t" not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


#: A variable, its value, and what is said of it.
ENVIRONMENT = [
    ("PGSSLMODE", "S3cr3t", r"libpq refuses the value of sslmode \(PGSSLMODE\)"),
    ("PGGSSENCMODE", "S3cr3t", r"refuses the value of gssencmode \(PGGSSENCMODE\)"),
    ("PGTARGETSESSIONATTRS", "S3cr3t", r"of target_session_attrs \(PGTARGETSESSIONATTRS\)"),
    ("PGCONNECT_TIMEOUT", "S3cr3t", r"connect_timeout \(PGCONNECT_TIMEOUT\) is not a whole"),
    ("PGHOSTADDR", "S3cr3t", "hostaddr is not an IP address"),
    ("PGHOST", "S3cr3t..", "the host cannot be looked up"),
    ("PGPORT", "S3cr3t", PORT),
    ("PGSERVICE", "S3cr3t", "the service is not defined"),
]
#: The lines of a service, and what is said of them.
SERVICES = [
    ("sslmode=S3cr3t", r"libpq refuses the value of sslmode \(of the service\)"),
    ("host=h,i\nport=1,2\nsslmode=S3cr3t", r"of sslmode \(of the service\)"),
    ("host=h,i\nport=1,2,3", r"libpq refuses the value of port \(of the service\)"),
    ("keepalives_idle=S3cr3t", r"keepalives_idle \(of the service\) is not a whole number"),
    ("hostaddr=S3cr3t", "hostaddr is not an IP address"),
    ("port=S3cr3t", PORT),
    ("S3cr3t", "the service is not defined, or its file cannot be read"),
    ("S3cr3t=x", "the service is not defined, or its file cannot be read"),
]


@pytest.mark.parametrize(("variable", "value", "said"), ENVIRONMENT)
@pytest.mark.parametrize("call", [Database.connect, AsyncDatabase.connect, migrate, mend_search])
def test_a_wrong_value_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, call: type, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInput, match=said) as caught:
        call("dbname=d")
    assert "S3cr3t" not in repr(caught.value)


@pytest.mark.parametrize(("lines", "said"), SERVICES)
@pytest.mark.parametrize("call", [Database.connect, AsyncDatabase.connect, migrate, mend_search])
def test_a_wrong_value_of_a_service_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: type, lines: str, said: str
) -> None:
    file = tmp_path / "services.conf"
    file.write_text(f"[shop]\n{lines}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with pytest.raises(InvalidInput, match=said) as caught:
        call("service=shop dbname=d")
    assert "S3cr3t" not in repr(caught.value)


@pytest.mark.parametrize(
    "conninfo",
    [
        "host=a,b port=1,2 sslmode=verify-full",
        "host=a,b hostaddr=::1,127.0.0.1 keepalives=' 1 '",
        "hostaddr=127.0.0.1, target_session_attrs=prefer-standby",
        "sslrootcert=system gssencmode=prefer channel_binding=require",
        "host=/nowhere connect_timeout=-1 options='-c jit=on'",
    ],
)
def test_what_libpq_takes_is_taken(conninfo: str) -> None:
    AsyncDatabase.connect(conninfo)


@pytest.mark.parametrize(("conninfo", "parts"), RIGHT)
def test_what_is_legal_is_read(conninfo: str, parts: dict[str, str]) -> None:
    assert parts.items() <= read_conninfo(conninfo).items()


#: What `str.isprintable` takes: no control characters, and of the separators the space alone.
_PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


@given(st.text(_PRINTABLE, min_size=1, max_size=30))
def test_an_encoded_password_is_read_as_it_is(password: str) -> None:
    conninfo = f"postgresql://ada:{quote(password, safe='')}@h:1/db?sslmode=prefer"
    assert read_conninfo(conninfo)["password"] == password


@given(_HARD, _HARD, st.sampled_from(["", "?schema=s", "?sslmode=prefer", ":x/d", "/d b"]))
def test_no_part_of_a_password_is_shown(before: str, after: str, rest: str) -> None:
    password = f"{before}S3cr3t{after}"
    for conninfo in (
        f"postgresql://ada:{password}@host{rest}",
        f"postgresql://{password}@host{rest}",
        f"host=h password={password} {rest.strip('?:/')}",
        f"password={password}",
        f"postgresql+psycopg://ada:{password}@host/db",
        password,
    ):
        refused: InvalidInput | None = None
        parameters = {}
        try:
            parameters = read_conninfo(conninfo)
        except InvalidInput as error:
            refused = error
        assert "S3cr3t" not in f"{refused} {refused!r}"
        assert refused is None or refused.__context__ is None
        # What libpq and the server tell, when they refuse a connection.
        assert "S3cr3t" not in "".join(parameters.get(part, "") for part in ("host", "port"))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", set()),
        ("-c jit=on", {"jit"}),
        ("-cjit=on --plan-cache-mode=auto", {"jit", "plan_cache_mode"}),
        ("-c search_path=a\\ -cjit=on -c  Work_Mem=1MB", {"search_path", "work_mem"}),
    ],
)
def test_the_settings_of_options_are_found(options: str, names: set[str]) -> None:
    assert settings_of_options(options) == names
