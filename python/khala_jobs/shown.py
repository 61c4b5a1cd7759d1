"""Values in messages: short, and safe whatever the value is."""

from __future__ import annotations

import reprlib

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80
_repr.maxlong = 60


def shown(value: object) -> str:
    """``repr(value)``, cut to about a line; the type where even that fails, as for 5,000-digit numbers."""
    try:
        return _repr.repr(value)
    except Exception:  # noqa: BLE001 - the value's own code, and this is an error message already
        return f"<{type(value).__name__}>"


def text_of(value: object) -> str:
    """``str(value)`` as a plain string; the type where even that fails."""
    try:
        return "".join((str(value),))  # joined: a subclass of str could do anything later
    except Exception:  # noqa: BLE001 - as above
        return f"<{class_name(type(value))}>"


def utf8_of(value: object) -> str:
    """`text_of`, as UTF-8 can express it."""
    return text_of(value).encode("utf-8", "replace").decode()


# Read through the descriptors of `type`: a metaclass can make the attributes themselves raise.
_NAME = type.__dict__["__name__"]
_QUALNAME = type.__dict__["__qualname__"]
_MODULE = type.__dict__["__module__"]
_MRO = type.__dict__["__mro__"]


def class_name(cls: type) -> str:
    """Name of a class, whatever its metaclass says."""
    name: str = _NAME.__get__(cls)
    return name


def mro_names(cls: type) -> list[str]:
    """Names of a class and its bases but ``object``, most derived first.

    Of the builtins there is the plain name, of others also the one with the module.
    """
    names: list[str] = []
    for base in _MRO.__get__(cls)[:-1]:
        name, module = class_name(base), _MODULE.__get__(base)
        if name not in names:
            names.append(name)
        if module != "builtins":
            names.append(utf8_of(f"{text_of(module)}.{_QUALNAME.__get__(base)}"))
    return names
