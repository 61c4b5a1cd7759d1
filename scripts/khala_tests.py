"""Run KHALA's own job tests against khala_jobs: ``make khala CHECKOUT=/path/to/khala-agentmemory``.

The checkout is only read. What KHALA's modules import is installed into an environment of its own beside the
project's, which sees the project's packages through a .pth file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT / ".venv-khala"
# What the import chains of these three test files need, of KHALA's requirements.
PACKAGES = (
    "surrealdb",
    "networkx",
    "redis",
    "cachetools",
    "python-dotenv",
    "google-generativeai",
    "google-genai",
)
TESTS = (
    "tests/unit/test_job_processor.py",
    "tests/unit/resurrection/test_job_processor.py",
    "tests/integration/test_module_04.py",
)


def prepare() -> Path:
    """Create the environment if it is not there; return its interpreter."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "installed"
    if stamp.exists() and stamp.read_text() == " ".join(PACKAGES):
        return python
    print(f"installing what KHALA imports into {ENVIRONMENT.name} …", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sees = [sysconfig.get_path("purelib"), str(PROJECT / "python")]
    site = ENVIRONMENT / "lib" / version / "site-packages" / "khala_jobs_project.pth"
    site.write_text("\n".join(sees) + "\n")
    stamp.write_text(" ".join(PACKAGES))
    return python


def main() -> int:
    """Run the tests; the exit status is pytest's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of KHALA")
    parser.add_argument("pytest_options", nargs="*", help="passed on to pytest")
    options = parser.parse_args()
    checkout: Path = options.checkout.resolve()
    missing = [test for test in TESTS if not (checkout / test).is_file()]
    if missing:
        parser.error(f"checkout: {checkout} has no {missing[0]}")
    command = [
        str(prepare()), "-m", "pytest", "-p", "khala_jobs.compat.khala_swap", "-p", "no:cacheprovider",
        "-p", "no:randomly",
        "-c", os.devnull, "--rootdir", str(checkout), "-o", "asyncio_mode=auto", *options.pytest_options, *TESTS,
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=checkout, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
