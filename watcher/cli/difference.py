"""How `watcher rebuild --diff` tells what would change: a table, JSON, and the texts on demand."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.failure import FAILED, SUCCESS
from watcher.cli.options import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.batch.reviewing import Example, Review

_NAMED = 10  # ids of new and vanishing newsletters


def tell(review: Review, *, as_json: bool, show: bool) -> int:
    """Print the outcome; 0 when nothing would change, 1 when something would, as diff(1)."""
    if as_json:
        click.echo(json.dumps(_document(review, show=show), ensure_ascii=False))
    else:
        for line in _lines(review, show=show):
            click.echo(line)
    return SUCCESS if review.is_empty else FAILED


def _lines(review: Review, *, show: bool) -> Iterator[str]:
    yield (
        f"{review.looked_at} mails looked at: {review.changed} would change, {len(review.new)} would be new, "
        f"{len(review.gone)} would go"
    )
    if review.fields:
        width = max(map(len, (*review.fields, "Field")))
        yield f"{'Field':<{width}}  Mails  Examples"
        for name, count in review.fields.most_common():
            examples = " ".join(str(example.id) for example in review.examples[name])
            yield f"{name:<{width}}  {count:>5}  {examples}"
    for ids, what in ((review.new, "new"), (review.gone, "would go")):
        if ids:
            yield f"{what}: {' '.join(map(str, ids[:_NAMED]))}{' ...' if len(ids) > _NAMED else ''}"
    for (before, after), count in sorted(review.versions.items()):
        if before != after:
            yield f"rules: {count} made by {before}, now {after}"
    if show:
        for name in review.fields:
            for example in review.examples[name]:
                yield from _texts(name, example)


def _texts(name: str, example: Example) -> Iterator[str]:
    yield ""
    yield f"{name} of {example.id}"
    for line in difflib.unified_diff(_split(example.before), _split(example.after), lineterm="", n=1):
        if not line.startswith(("---", "+++")):
            yield printable(line)


def _split(value: Any) -> list[str]:
    if isinstance(value, list):
        return value
    return [] if value is None else str(value).splitlines()


def _document(review: Review, *, show: bool) -> dict[str, Any]:
    return {
        "looked_at": review.looked_at,
        "changed": review.changed,
        "new": review.new,
        "gone": review.gone,
        "fields": {
            name: {
                "count": count,
                "examples": [each.id for each in review.examples[name]],
                **(
                    {
                        "shown": [
                            {"id": each.id, "before": each.before, "after": each.after}
                            for each in review.examples[name]
                        ]
                    }
                    if show
                    else {}
                ),
            }
            for name, count in review.fields.most_common()
        },
        "rules": [
            {"before": before, "after": after, "count": count}
            for (before, after), count in sorted(review.versions.items())
        ],
    }
