"""A YAML file as plain values, and what makes it none: the road from a configuration's text to its checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from motifloom.errors import InputError
from motifloom.files import missing

if TYPE_CHECKING:
    from collections.abc import Iterator


class _AsWritten:
    """A number that knows how it is written: to YAML ``010`` is 8 and ``1.10`` is 1.1, but contigs may be called so."""

    written: str

    def __str__(self) -> str:
        return self.written

    __repr__ = __str__


class _Whole(_AsWritten, int):
    pass


class _Real(_AsWritten, float):
    pass


class _Loader(yaml.SafeLoader):
    """Reads plain values. Keys and truth values are text, and numbers know how they are written.

    So ``yes`` is a name where one is expected, a truth value where one is, and no number.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (AttributeError, IndexError, OverflowError, ValueError) as error:  # PyYAML trusts a tag such as !!int
            raise yaml.MarkedYAMLError(problem=_not_constructed(node, error), problem_mark=node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _ in node.value if node.id == "mapping" else []:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)

    def text(self, node: yaml.ScalarNode) -> str:
        return str(self.construct_scalar(node))

    def whole(self, node: yaml.ScalarNode) -> _Whole:
        number = _Whole(self.construct_yaml_int(node))
        number.written = self.text(node)
        return number

    def real(self, node: yaml.ScalarNode) -> _Real:
        number = _Real(self.construct_yaml_float(node))
        number.written = self.text(node)
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.real)
_Loader.add_constructor("tag:yaml.org,2002:bool", _Loader.text)
for _kind in ("binary", "omap", "pairs", "set"):
    del _Loader.yaml_constructors[f"tag:yaml.org,2002:{_kind}"]


def _not_constructed(node: yaml.Node, error: Exception) -> str:
    """Say why the text of a node is not what its tag says: a date that there is not, a number of 5000 digits."""
    kind = node.tag.rpartition(":")[2]
    return " ".join(str(error).split()) if isinstance(error, ValueError) else f"'{node.value}' is no {kind}"


MOST_VALUES = 100_000
"""A file may stand for so many values once its aliases are written out; a few lines of aliases can mean billions."""


def load(path: str | Path) -> Any:
    """Return what a YAML file holds: mappings, lists, text, numbers, dates and nothing else.

    Keys and truth values are text. A number prints as the file has it, so where a name is expected it is the name.

    Raises
    ------
    InputError
        Where the file cannot be read, is empty or no YAML, names keys twice (of which YAML's readers silently keep the
        last), or has aliases that contain themselves or stand for more than :data:`MOST_VALUES` values.
    """
    reason = missing(path)
    if reason:
        raise InputError(reason)
    try:
        loader = _Loader(Path(path).read_text(encoding="utf-8-sig"))
        node = loader.get_single_node()
        if node is None:
            raise InputError(f"{path}: is empty; expected a mapping of keys")
        _Values().count(node)
        if twice := [f"{path}: {told}" for told in _keys_twice(node)]:
            raise InputError(twice)
        return loader.construct_document(node)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8: {error.reason}; expected YAML") from None
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{path}: {_line(error)}is no YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # an escape of a letter that there is not
        raise InputError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply; expected a configuration") from None


def _line(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}: " if mark else ""


class _Values:
    """Counts the values that nodes stand for, aliases written out."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}

    def count(self, node: yaml.Node) -> int:
        """Return the number of values of `node`; MarkedYAMLError where it contains itself or they are too many."""
        if id(node) not in self._of:
            self._of[id(node)] = 0  # while its own values are counted
            self._of[id(node)] = 1 + sum(self.count(value) for value in _within(node))
        number = self._of[id(node)]
        if not number:
            raise yaml.MarkedYAMLError(problem="an alias stands within what it names", problem_mark=node.start_mark)
        if number > MOST_VALUES:
            told = f"its aliases stand for more than {MOST_VALUES} values"
            raise yaml.MarkedYAMLError(problem=told, problem_mark=node.start_mark)
        return number


def _within(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes that a node is made of."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _keys_twice(top: yaml.Node) -> Iterator[str]:
    """Say of each key that stands twice in a mapping where it does."""
    nodes, seen = [top], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        nodes += _within(node)[::-1]
        first: dict[str, int] = {}
        for key in [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                yield f"line {line}: the key '{key.value}' stands on line {first[key.value]} already; expected it once"
            first.setdefault(key.value, line)
