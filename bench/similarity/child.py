"""One case in a process of its own: ``python -m similarity.child CASE``, a JSON object; answers with another."""

from __future__ import annotations

import json
import os
import sys

case = json.loads(sys.argv[1])
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(case["threads"])
os.sched_setaffinity(0, case["processors"])

from similarity.cases import RUNS  # noqa: E402 -- NumPy reads the variables when it is imported

print(json.dumps(RUNS[case["bench"]](case)))
