"""Take a picture of a flow run's page with headless Chromium; not collected by pytest.

    python tests/browser/screenshot_run.py URL PICTURE.png [CHROMIUM]

URL is the page's, as Prefect prints it. Pictures are kept out of the repository.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# The page asks the server for what it shows, so it is whole only some seconds after it is there.
SETTLED_MS = 10_000
WIDTH, HEIGHT = 1500, 1400
QUIET = (
    "--no-first-run --disable-gpu --disable-quic --disable-sync --disable-component-update "
    "--disable-background-networking --hide-scrollbars"
).split()


def take(url: str, picture: Path, chromium: str) -> None:
    """Write the picture of a page."""
    # Chromium's own sandbox does not start as root.
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless", *QUIET, *as_root, f"--user-data-dir={profile}"]
        command += [f"--window-size={WIDTH},{HEIGHT}", f"--virtual-time-budget={SETTLED_MS}"]
        command += [f"--screenshot={picture.absolute()}", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    # It says much of no interest there, also when all went well.
    if done.returncode or not picture.is_file():
        sys.exit(f"expected a picture of {url}, {chromium} took none:\n{done.stderr}")


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]), *(sys.argv[3:4] or ["chromium"]))
    print(sys.argv[2])
