"""`moved` and `removed`: what became of earlier names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voicectl.errors import Place
from voicectl.manifest.layers import Declared, Manifest
from voicectl.manifest.problems import Problems, did_you_mean
from voicectl.model.catalog import Move, Removal


def resolve_moves(
    manifests: Sequence[Manifest],
    voices: Mapping[str, Declared],
    removed: Mapping[str, Removal],
    problems: Problems,
) -> tuple[Move, ...]:
    """The moves with chains followed to their final names, sorted by the old name.

    A move must end at a voice of the manifests, or at a removed name, which makes it inert: the result leaves it out.
    Voices that swap their names form a ring, whose moves stay as they are. Anything else is most likely a typing error,
    and would replace a model, so it is an error.
    """
    moves = _declared_moves(manifests, problems)
    rings = {old for old, move in moves.items() if old in voices and move.new != old and _follow(move, moves) is None}
    _check_ends({old: move for old, move in moves.items() if old not in rings}, moves, voices, removed, problems)
    final = []
    for old, move in sorted(moves.items()):
        new = move.new if old in rings and move.new in rings else _follow(move, moves)
        if new is None:
            problems.error(move.source, f"moved: {old!r} leads back to itself", "delete one of these moves")
        elif new in voices:
            final.append(Move(old, new, move.source))
    return tuple(final)


def resolve_removals(
    manifests: Sequence[Manifest], voices: Mapping[str, Declared], problems: Problems
) -> dict[str, Removal]:
    """The removed names; none is a voice, none comes twice."""
    removals: dict[str, Removal] = {}
    for manifest in manifests:
        for index, entry in enumerate(manifest.content.removed):
            place = manifest.document.value(("removed", index))
            if not entry.name:
                if not manifest.is_broken("removed", index):
                    problems.error(place, "removed: this item has no name", "add `name:`")
            elif entry.name in voices:
                message = f"removed: {entry.name!r} is still a voice ({voices[entry.name].place})"
                problems.error(place, message, "delete the voice, or this item")
            elif entry.name in removals:
                message = f"removed: {entry.name!r} is already in {removals[entry.name].source}"
                problems.error(place, message, "delete one of them")
            else:
                removals[entry.name] = Removal(entry.name, entry.keep_model, place)
    return removals


def _declared_moves(manifests: Sequence[Manifest], problems: Problems) -> dict[str, Move]:
    moves: dict[str, Move] = {}
    targets: dict[str, Place] = {}
    for manifest in manifests:
        for index, entry in enumerate(manifest.content.moved):
            place = manifest.document.value(("moved", index))
            if not entry.old or not entry.new:
                missing = "from" if not entry.old else "to"
                if not manifest.is_broken("moved", index):
                    problems.error(place, f"moved: this item has no {missing!r}", f"add `{missing}:`")
            elif entry.old in moves:
                message = f"moved: {entry.old!r} is already moved in {moves[entry.old].source}"
                problems.error(place, message, "delete one of them")
            elif entry.new in targets:
                message = f"moved: another voice is already moved to {entry.new!r} in {targets[entry.new]}"
                problems.error(place, message, "a name can take over one model only")
            else:
                moves[entry.old] = Move(entry.old, entry.new, place)
                targets[entry.new] = place
    return moves


def _check_ends(
    checked: Mapping[str, Move],
    moves: Mapping[str, Move],
    voices: Mapping[str, Declared],
    removed: Mapping[str, Removal],
    problems: Problems,
) -> None:
    for old, move in checked.items():
        if old in voices:
            message = f"moved: {old!r} is still a voice ({voices[old].place})"
            hint = "delete the move, or give that voice another name"
            hint += (
                f"; to swap the two, move {move.new!r} to {old!r} as well"
                if move.new in voices and move.new != old
                else ""
            )
            problems.error(move.source, message, hint)
        elif old in removed:
            message = f"moved: {old!r} is also under `removed` ({removed[old].source})"
            problems.error(move.source, message, "delete one of them")
        if move.new not in voices and move.new not in moves and move.new not in removed:
            hint = did_you_mean(move.new, voices, "delete the move, or name a voice")
            problems.error(move.source, f"moved: there is no voice {move.new!r}", hint)


def _follow(move: Move, moves: Mapping[str, Move]) -> str | None:
    """Where a chain of moves ends; None if it leads back to its beginning."""
    seen = {move.old}
    new = move.new
    while new in moves:
        if new in seen:
            return None
        seen.add(new)
        new = moves[new].new
    return None if new in seen else new
