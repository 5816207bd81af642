"""Plug-ins: one file in a package declares one constant, and is found by it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol, TypeVar, cast

from therapy.errors import BadPlugin

__all__ = ["declared"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def declared(package: str, constant: str, kind: type[T]) -> dict[str, T]:
    """Return the `constant` of every public module in `package`, by its `name`, sorted.

    Modules whose name starts with an underscore are helpers and are passed over.

    Raises:
        BadPlugin: a module without the constant, one of another kind, or a name declared twice.
    """
    found: dict[str, T] = {}
    origin: dict[str, str] = {}
    home = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(home.__path__), key=lambda i: i.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package}.{info.name}")
        plugin = getattr(module, constant, None)
        if plugin is None:
            raise BadPlugin(f"{module.__name__} must declare {constant}, and does not")
        if not isinstance(plugin, kind):
            raise BadPlugin(
                f"{module.__name__}.{constant} must be a {kind.__name__}, is {type(plugin).__name__}"
            )
        name = cast("_Named", plugin).name
        if name in found:
            raise BadPlugin(f"{constant} {name!r} is declared by both {origin[name]} and {module.__name__}")
        found[name] = plugin
        origin[name] = module.__name__
    if not found:
        raise BadPlugin(f"{package} must hold at least one module that declares {constant}, holds none")
    return dict(sorted(found.items()))
