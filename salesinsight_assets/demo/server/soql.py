"""SOQL, as far as reading rows needs it: text to a syntax tree.

Covered: SELECT of fields or COUNT(), FROM, WHERE (= != <> < <= > >= LIKE IN NOT IN, AND OR NOT, parentheses),
ORDER BY with NULLS, LIMIT, OFFSET. Not covered: relationships, aggregates, date functions such as TODAY.
What the tree means for the org's objects belongs to `soql_sql`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn, TypeVar

Part = TypeVar("Part")


class MalformedQueryError(ValueError):
    """A query that is not SOQL as covered here."""


@dataclass(frozen=True)
class Literal:
    """A value in a query. `kind` is text, number, boolean, date, datetime or null."""

    kind: str
    value: str | float | bool | date | datetime | None


@dataclass(frozen=True)
class Comparison:
    """A field against one value, or against several with IN and NOT IN."""

    field: str
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """The contrary of a condition."""

    condition: "Condition"


@dataclass(frozen=True)
class Junction:
    """Conditions tied by AND or OR."""

    word: str
    conditions: tuple["Condition", ...]


Condition = Comparison | Not | Junction


@dataclass(frozen=True)
class Ordering:
    """One term of ORDER BY."""

    field: str
    is_descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A parsed query. `fields` is empty where rows are only counted."""

    fields: tuple[str, ...]
    is_count: bool
    object_name: str
    where: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?\d+(?:\.\d+)?)
  | (?P<text>'(?:[^'\\]|\\.)*')
  | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
  | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_CONSTANTS = {
    "true": Literal("boolean", True),
    "false": Literal("boolean", False),
    "null": Literal("null", None),
}
_OPERATORS = {"=", "!=", "<>", "<", "<=", ">", ">="}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def parse(text: str) -> Query:
    """The query that `text` spells.

    >>> parse("SELECT Id FROM Account WHERE Name = 'Acme' LIMIT 5").limit
    5

    Raises:
        MalformedQueryError: with the token that was not expected.
    """
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise MalformedQueryError(f"unexpected token: '{text[place:].split(maxsplit=1)[0]}'")
        tokens.append(_Token(match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    return tokens


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1:-1], flags=re.DOTALL)


class _Parser:
    """Recursive descent over the tokens: one method per rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def query(self) -> Query:
        self._expect("select")
        fields, is_count = self._selection()
        self._expect("from")
        object_name = self._name()
        where = self._any_of() if self._accept("where") else None
        order = self._orderings() if self._accept("order") else ()
        limit = self._whole_number() if self._accept("limit") else None
        offset = self._whole_number() if self._accept("offset") else 0
        if self._place < len(self._tokens):
            self._fail()
        return Query(fields, is_count, object_name, where, order, limit, offset)

    def _selection(self) -> tuple[tuple[str, ...], bool]:
        if self._peek(1).text == "(" and self._accept("count"):
            self._expect("(")
            self._expect(")")
            return (), True
        return self._list_of(self._name), False

    def _orderings(self) -> tuple[Ordering, ...]:
        self._expect("by")
        return self._list_of(self._ordering)

    def _ordering(self) -> Ordering:
        field = self._name()
        is_descending = self._accept("desc")
        if not is_descending:
            self._accept("asc")
        nulls_last = False
        if self._accept("nulls"):
            nulls_last = self._accept("last")
            if not nulls_last:
                self._expect("first")
        return Ordering(field, is_descending, nulls_last)

    def _any_of(self) -> Condition:
        return self._junction("or", self._all_of)

    def _all_of(self) -> Condition:
        return self._junction("and", self._condition)

    def _junction(self, word: str, part: Callable[[], Condition]) -> Condition:
        conditions = [part()]
        while self._accept(word):
            conditions.append(part())
        return conditions[0] if len(conditions) == 1 else Junction(word, tuple(conditions))

    def _condition(self) -> Condition:
        if self._accept("not"):
            return Not(self._condition())
        if self._accept("("):
            inner = self._any_of()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._name()
        if self._accept("like"):
            return Comparison(field, "like", (self._literal(),))
        if self._accept("in"):
            return Comparison(field, "in", self._literals())
        if self._accept("not"):
            self._expect("in")
            return Comparison(field, "not in", self._literals())
        operator = self._next()
        if operator.text not in _OPERATORS:
            self._fail(back=1)
        return Comparison(field, "!=" if operator.text == "<>" else operator.text, (self._literal(),))

    def _literals(self) -> tuple[Literal, ...]:
        self._expect("(")
        literals = self._list_of(self._literal)
        self._expect(")")
        return literals

    def _literal(self) -> Literal:
        token = self._next()
        if token.kind == "text":
            return Literal("text", _unescaped(token.text))
        if token.kind == "name" and token.text.lower() in _CONSTANTS:
            return _CONSTANTS[token.text.lower()]
        try:
            if token.kind == "number":
                return Literal("number", float(token.text))
            if token.kind == "date":
                return Literal("date", date.fromisoformat(token.text))
            if token.kind == "datetime":
                return Literal("datetime", datetime.fromisoformat(token.text))
        except ValueError:
            self._fail(back=1)
        return self._fail(back=1)

    def _whole_number(self) -> int:
        token = self._next()
        if token.kind != "number" or not token.text.isdigit():
            self._fail(back=1)
        return int(token.text)

    def _list_of(self, part: Callable[[], Part]) -> tuple[Part, ...]:
        parts = [part()]
        while self._accept(","):
            parts.append(part())
        return tuple(parts)

    def _name(self) -> str:
        token = self._next()
        if token.kind != "name":
            self._fail(back=1)
        return token.text

    def _accept(self, word: str) -> bool:
        is_there = self._peek().text.lower() == word and self._peek().kind in ("name", "sign")
        self._place += is_there
        return is_there

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            self._fail()

    def _peek(self, ahead: int = 0) -> _Token:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else _Token("end", "<EOF>")

    def _next(self) -> _Token:
        token = self._peek()
        self._place += 1
        return token

    def _fail(self, back: int = 0) -> NoReturn:
        raise MalformedQueryError(f"unexpected token: '{self._peek(-back).text}'")
