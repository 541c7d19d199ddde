"""Listings as SQL.

The tag index has the owner and creation time of each tag. So the common question (one workspace, one tag, newest first)
needs this index alone, whatever the size of the account. Indexes refer to workspaces and tags by number.
"""

from __future__ import annotations

from dataclasses import dataclass

_SORTS = {
    "created_at": "{source}.created_at DESC, {source}.number DESC",
    "task_count": "m.task_count DESC, m.id",
    "score": "m.score DESC, m.id",
}
_NUMBER = "(SELECT number FROM names WHERE name = ?)"


@dataclass(frozen=True, slots=True)
class Query:
    """The models to list, their order, and the page to return.

    workspace: only models of this workspace, and with saved those of others that it saved and may still see;
    public_only: only those everybody may find. nothing: none at all.
    tags: matched exactly, all of them or, with any_tag, any. title: a part of it, in any case.
    languages, title_languages: those of the samples and of the title, by their two letters.
    sort_by: score, task_count or created_at, the highest (newest) first; ties by id (created_at: by the
    order of creation).
    """

    workspace: str | None = None
    public_only: bool = True
    tags: tuple[str, ...] = ()
    any_tag: bool = False
    title: str = ""
    languages: tuple[str, ...] = ()
    title_languages: tuple[str, ...] = ()
    licensed: bool | None = None
    sort_by: str = "score"
    limit: int = 10
    offset: int = 0
    saved: bool = False
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A SQL text with its values."""

    sql: str
    values: tuple[object, ...]


def statements(query: Query) -> tuple[Statement, Statement]:
    """One statement that counts the matches, one that returns (document, state, ready_at) of a page."""
    parts = _Parts()
    one_owner = query.workspace is not None and not query.saved
    by_tag = one_owner and bool(query.tags) and (len(query.tags) == 1 or not query.any_tag)
    parts.source = "t" if by_tag else "m"
    if by_tag:
        parts.add(f"t.owner = {_NUMBER} AND t.tag = {_NUMBER}", query.workspace, query.tags[0])
        _all_tags(parts, query.tags[1:])
    else:
        if query.workspace is not None:
            _owned(parts, query.workspace, query.saved)
        if query.any_tag:
            _any_tag(parts, query.tags)
        else:
            _all_tags(parts, query.tags)
    _on_model(parts, query)
    needs_model = not by_tag or any("m." in condition for condition in parts.conditions)
    return _count(parts, by_tag, needs_model), _page(parts, by_tag, needs_model, query)


class _Parts:
    def __init__(self) -> None:
        self.source = "m"
        self.conditions: list[str] = []
        self.values: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        self.conditions.append(condition)
        self.values.extend(values)

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions) or "TRUE"


def _owned(parts: _Parts, workspace: str, saved: bool) -> None:
    own = f"m.owner = {_NUMBER}"
    if not saved:
        parts.add(own, workspace)
        return
    kept = f"EXISTS (SELECT 1 FROM saves s WHERE s.owner = {_NUMBER} AND s.model = m.id)"
    parts.add(f"({own} OR m.visibility != 'private' AND {kept})", workspace, workspace)


def _all_tags(parts: _Parts, tags: tuple[str, ...]) -> None:
    for tag in tags:
        same = f"x.number = {parts.source}.number AND x.tag = {_NUMBER}"
        parts.add(f"EXISTS (SELECT 1 FROM model_tags x WHERE {same})", tag)


def _any_tag(parts: _Parts, tags: tuple[str, ...]) -> None:
    if tags:
        numbers = f"SELECT number FROM names WHERE name IN ({', '.join('?' * len(tags))})"
        same = f"x.number = m.number AND x.tag IN ({numbers})"
        parts.add(f"EXISTS (SELECT 1 FROM model_tags x WHERE {same})", *tags)


def _on_model(parts: _Parts, query: Query) -> None:
    if query.public_only:
        parts.add("m.visibility = 'public'")
    if query.nothing:
        parts.add("FALSE")
    if query.title:
        parts.add("instr(m.folded_title, ?) > 0", query.title.casefold())
    if query.languages:
        marks = " OR ".join(["instr(m.languages, ?) > 0"] * len(query.languages))
        parts.add(f"({marks})", *(f"|{language}|" for language in query.languages))
    if query.title_languages:
        parts.add(
            f"language_of(m.folded_title) IN ({', '.join('?' * len(query.title_languages))})", *query.title_languages
        )
    if query.licensed is not None:
        parts.add("coalesce(json_extract(m.document, '$.licensed'), 0) = ?", int(query.licensed))


def _from(by_tag: bool, needs_model: bool) -> str:
    if not by_tag:
        return "models m"
    return "model_tags t CROSS JOIN models m ON m.number = t.number" if needs_model else "model_tags t"


def _count(parts: _Parts, by_tag: bool, needs_model: bool) -> Statement:
    return Statement(f"SELECT count(*) FROM {_from(by_tag, needs_model)} WHERE {parts.where}", tuple(parts.values))


def _page(parts: _Parts, by_tag: bool, needs_model: bool, query: Query) -> Statement:
    order = _SORTS[query.sort_by].format(source=parts.source)
    origin = _from(by_tag, needs_model or query.sort_by != "created_at")
    sql = (
        f"SELECT document, state, ready_at FROM (SELECT {parts.source}.number AS n FROM {origin} "
        f"WHERE {parts.where} ORDER BY {order} LIMIT ? OFFSET ?) "
        f"CROSS JOIN models m ON m.number = n ORDER BY {_SORTS[query.sort_by].format(source='m')}"
    )
    return Statement(sql, (*parts.values, query.limit, query.offset))
