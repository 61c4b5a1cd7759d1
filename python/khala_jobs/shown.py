"""Values in error messages: short, and safe whatever the value is."""

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
