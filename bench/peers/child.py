"""A process of an engine's venv: ``python -m peers.child <module of the adapter> produce|work <worker> <spec>``.

A producer prints its figures as one JSON line. A worker prints nothing: what it does stands in its ledger, and it runs
until it is stopped.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys

from peers.ledger import Ledger
from peers.produce import produce
from peers.protocol import ledger_path, run_coroutine
from peers.spec import SPARE, Spec


def main(arguments: list[str]) -> None:
    name, role, worker, text = arguments
    spec = Spec.from_text(text)
    module = importlib.import_module(name)
    if role == "work":
        ledger = Ledger(ledger_path(spec.folder, worker), spec.count + SPARE)
        module.Adapter(spec, ledger).work()
        return
    peer = module.Adapter(spec, None)
    figures = run_coroutine(produce(peer, spec))
    figures["version"] = importlib.metadata.version(module.ABOUT.package)
    figures["python"] = sys.version.split()[0]
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
