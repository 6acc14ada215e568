"""YAML files of emails (words and samples), protected against alias expansion, deep nesting and tracebacks."""

from __future__ import annotations

from typing import Any

import yaml

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import Invalid

MAX_DEPTH = 40
MAX_NODES = 20_000


def compose(text: str, path: str) -> yaml.Node | None:
    """The file as nodes with places; None for an empty file. Raises Invalid with T015."""
    try:
        _scan(text, path)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = Span(path, mark.line + 1, mark.column + 1) if mark else Span(path, 1, 1)
        raise _invalid(f"not YAML: {error.problem or 'this is not YAML'}", span, text) from error
    except yaml.YAMLError as error:
        raise _invalid(f"not YAML: {error}", Span(path, 1, 1), text) from error


def load(text: str, path: str) -> Any:
    """The file as plain values, dates among them. Raises Invalid with T015 at an invalid value."""
    node = compose(text, path)
    if node is None:
        return None
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        span = _span(error.problem_mark, path) if error.problem_mark else Span(path, 1, 1)
        raise _invalid(f"not YAML: {error.problem}", span, text) from error
    except (ValueError, OverflowError) as error:
        raise _faulty(node, path, text) from error
    finally:
        loader.dispose()


def _scan(text: str, path: str) -> None:
    """Raises Invalid for a file that is nested too deeply, or too large after alias expansion."""
    size = depth = 0
    sizes: dict[str, int] = {}
    begun: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, size))
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            if anchor:
                sizes[anchor] = size - before
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in begun):
                raise _invalid(f"`*{event.anchor}` contains itself", _span(event.start_mark, path), text)
            size += sizes.get(event.anchor or "", 0)
        size += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise _invalid(f"values are nested more than {MAX_DEPTH} deep", _span(event.start_mark, path), text)
        if size > MAX_NODES:
            message = f"the file has more than {MAX_NODES} values, its aliases unfolded"
            raise _invalid(message, _span(event.start_mark, path), text)


def _faulty(node: yaml.Node, path: str, text: str) -> Invalid:
    """The fault of a scalar that has no valid value, such as the day 2026-13-45."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, yaml.ScalarNode):
            loader = yaml.SafeLoader("")
            try:
                loader.construct_object(each)
            except (ValueError, OverflowError) as error:
                message = f"`{each.value[:40]}` is no value: {str(error)[:100]}"
                span = _span(each.start_mark, path, len(each.value))
                return _invalid(message, span, text, "text that looks like a date or a number goes in quotes")
            finally:
                loader.dispose()
        elif isinstance(each, yaml.MappingNode):
            waiting += [part for pair in reversed(each.value) for part in reversed(pair)]
        elif isinstance(each, yaml.SequenceNode):
            waiting += reversed(each.value)
    return _invalid("a value cannot be read", Span(path, 1, 1), text)


def _span(mark: Any, path: str, length: int = 1) -> Span:
    return Span(path, mark.line + 1, mark.column + 1, max(1, length))


def _invalid(message: str, span: Span, text: str, hint: str | None = None) -> Invalid:
    return Invalid([Diagnostic("T015", message, span, hint=hint)], {span.path: text})
