"""List the built-in functions and operators that return NULL only in known cases.

That a function is strict does not suffice: ``'infinity'::timestamptz::time`` is NULL, and so are
``lower(int4range(1, 1))`` and ``array_length('{}', 1)``. Each function is therefore listed with its
arguments, and a test calls each with the values most likely to return NULL. A function that is not
listed may return NULL.
"""

from __future__ import annotations

from collections.abc import Iterator

# A name, and the types of its arguments; alternatives are separated by |.
_NULL_FOR_NULL = """
abs: bigint | double precision | integer | numeric | real | smallint
bool: integer
ceil: double precision | numeric
ceiling: double precision | numeric
div: numeric, numeric
exp: double precision | numeric
float4: bigint | double precision | integer | numeric | smallint
float8: bigint | integer | numeric | real | smallint
floor: double precision | numeric
gcd: bigint, bigint | integer, integer | numeric, numeric
int2: bigint | double precision | integer | numeric | real
int4: bigint | boolean | double precision | numeric | real | smallint
int8: double precision | integer | numeric | real | smallint
lcm: bigint, bigint | integer, integer | numeric, numeric
ln: double precision | numeric
mod: bigint, bigint | integer, integer | numeric, numeric | smallint, smallint
numeric: bigint | double precision | integer | numeric, integer | real | smallint
power: double precision, double precision | numeric, numeric
round: double precision | numeric | numeric, integer
sign: double precision | numeric
sqrt: double precision | numeric
to_hex: bigint | integer
trunc: double precision | numeric | numeric, integer

ascii: text
bpchar: "char" | character, integer, boolean | name
btrim: text | text, text
char: text
char_length: text
character_length: text
chr: integer
concat_ws: text, "any"
decode: text, text
encode: bytea, text
hashtext: text
initcap: text
left: text, integer
length: bytea | text
lower: text
lpad: text, integer | text, integer, text
ltrim: text | text, text
md5: bytea | text
name: character varying | character | text
normalize: text, text
octet_length: bytea | text
position: text, text
quote_ident: text
quote_literal: text
regexp_replace: text, text, text | text, text, text, text
repeat: text, integer
replace: text, text, text
reverse: text
right: text, integer
rpad: text, integer | text, integer, text
rtrim: text | text, text
sha256: bytea
split_part: text, text, integer
starts_with: text, text
strpos: text, text
substr: text, integer | text, integer, integer
substring: text, integer | text, integer, integer
text: "char" | boolean | character | name
textcat: text, text
translate: text, text, text
upper: text
varchar: character varying, integer, boolean | name

date: timestamp with time zone | timestamp without time zone
date_trunc: text, interval | text, timestamp with time zone | text, timestamp with time zone, text |
    text, timestamp without time zone
interval: interval, integer
make_date: integer, integer, integer
make_interval: integer, integer, integer, integer, integer, integer, double precision
timestamp: date | timestamp with time zone | timestamp without time zone, integer
timestamptz: date | timestamp with time zone, integer | timestamp without time zone
timezone: text, timestamp with time zone | text, timestamp without time zone
to_timestamp: double precision

array_append: anycompatiblearray, anycompatible
array_cat: anycompatiblearray, anycompatiblearray
array_prepend: anycompatible, anycompatiblearray
array_remove: anycompatiblearray, anycompatible
array_to_json: anyarray
array_to_string: anyarray, text
cardinality: anyarray
json_array_length: json
json_strip_nulls: json | json, boolean
json_typeof: json
jsonb_array_length: jsonb
jsonb_insert: jsonb, text[], jsonb, boolean
jsonb_pretty: jsonb
jsonb_set: jsonb, text[], jsonb, boolean
jsonb_strip_nulls: jsonb | jsonb, boolean
jsonb_typeof: jsonb
row_to_json: record | record, boolean
string_to_array: text, text
to_json: anyelement
to_jsonb: anyelement
to_tsvector: regconfig, text | text
websearch_to_tsquery: regconfig, text | text

currval: regclass
nextval: regclass
pg_snapshot_xmax: pg_snapshot
pg_snapshot_xmin: pg_snapshot
pg_try_advisory_lock: bigint | integer, integer
pg_try_advisory_xact_lock: bigint | integer, integer
setval: regclass, bigint | regclass, bigint, boolean
"""
# The types of the operands, and the operators for them.
_OPERATORS = """
anyarray, anyarray: && <@ @>
anycompatible, anycompatiblearray: ||
anycompatiblearray, anycompatible: ||
anycompatiblearray, anycompatiblearray: ||
anyelement, anyrange: <@
anynonarray, text: ||
anyrange, anyelement: @>
anyrange, anyrange: && <@ @>
bigint, bigint: # % & * + - / |
bigint, integer: * + - /
bigint, smallint: * + - /
bytea, bytea: ||
character, text: !~ !~* !~~ !~~* ~ ~* ~~ ~~*
date, date: -
date, integer: + -
date, interval: + -
double precision, double precision: * + - / ^
double precision, interval: *
double precision, real: * + - /
integer, bigint: * + - /
integer, date: +
integer, integer: # % & * + - / |
integer, smallint: * + - /
interval, date: +
interval, double precision: * /
interval, interval: + -
interval, timestamp with time zone: +
interval, timestamp without time zone: +
jsonb, integer: -
jsonb, jsonb: <@ @> ||
jsonb, text: - ?
jsonb, text[]: #- - ?& ?|
name, text: !~ !~* !~~ !~~* ~ ~* ~~ ~~*
numeric, numeric: % * + - / ^
real, double precision: * + - /
real, real: * + - /
smallint, bigint: * + - /
smallint, integer: * + - /
smallint, smallint: # % & * + - / |
text, anynonarray: ||
text, text: !~ !~* !~~ !~~* ^@ || ~ ~* ~~ ~~*
timestamp with time zone, interval: + -
timestamp with time zone, timestamp with time zone: -
timestamp without time zone, interval: + -
timestamp without time zone, timestamp without time zone: -
tsvector, tsquery: @@
tsvector, tsvector: ||
xid, integer: <> =
bigint: + - @
double precision: + - @
integer: + - @
interval: -
numeric: + - @
real: + - @
smallint: + - @
"""


def _functions(table: str) -> Iterator[str]:
    for line in table.replace("|\n", "|").splitlines():
        name, _, alternatives = line.partition(":")
        for arguments in alternatives.split("|") if name else ():
            yield f"{name}({arguments.strip()})"


def _operators() -> Iterator[str]:
    for line in _OPERATORS.strip().splitlines():
        operands, _, operators = line.partition(":")
        *left, right = operands.split(", ")
        for operator in operators.split():
            yield " ".join((*left, operator, right))


#: NULL only if an argument is NULL.
NULL_FOR_NULL = frozenset(_functions(_NULL_FOR_NULL))

#: Never NULL.
NEVER_NULL = frozenset(
    {
        "clock_timestamp()",
        'concat("any")',
        "current_database()",
        "gen_random_uuid()",
        "json_build_array()",
        'json_build_array("any")',
        "json_build_object()",
        'json_build_object("any")',
        "jsonb_build_array()",
        'jsonb_build_array("any")',
        "jsonb_build_object()",
        'jsonb_build_object("any")',
        "now()",
        "pg_backend_pid()",
        "pg_current_snapshot()",
        "pg_current_xact_id()",
        "random()",
        "statement_timestamp()",
        "transaction_timestamp()",
        "uuidv4()",
        "uuidv7()",
        "version()",
    }
)

#: NULL only if an operand is NULL. Comparisons are found by their operator class instead.
OPERATORS = frozenset(_operators())

#: Aggregates that are never NULL.
COUNTS = frozenset({"count"})

#: NULL only for no rows.
NULL_FOR_NO_ROWS = frozenset(
    {"array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"}
)

#: NULL only if there are no rows, or if the first argument is NULL in all rows.
NULL_FOR_NULLS = frozenset(
    {"avg", "bit_and", "bit_or", "bool_and", "bool_or", "every", "max", "min", "string_agg", "sum"}
)

#: Window functions that are NULL only if an argument is NULL.
RANKS = frozenset({"cume_dist", "dense_rank", "ntile", "percent_rank", "rank", "row_number"})

#: Set-returning functions in FROM: for each of their columns, whether it can be NULL.
SETS: dict[str, tuple[bool, ...]] = {
    "generate_series": (False,),
    "generate_subscripts": (False,),
    "json_array_elements": (False,),
    "jsonb_array_elements": (False,),
    "json_each": (False, False),
    "jsonb_each": (False, False),
    "json_each_text": (False, True),
    "jsonb_each_text": (False, True),
    "json_object_keys": (False,),
    "jsonb_object_keys": (False,),
    "regexp_split_to_table": (False,),
}
