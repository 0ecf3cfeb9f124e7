"""Which browser the tests drive; run as a program, it also installs one where it may.

In this order: $CHROMIUM, a system Chromium or Chrome, Playwright's own, `apt-get install chromium` (as root on Debian
or Ubuntu). With CI=true, having none is a failure.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
HOW = "Install Chromium or Chrome, or say where it is with CHROMIUM=…, to run the tests of the pages."


def in_ci() -> bool:
    """Whether a missing browser is a failure."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def find() -> str | None:
    """The path of a browser, or None."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    for name in (*NAMES, MAC):
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> None:
    """Install Debian's Chromium where that is allowed; else do nothing."""
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests …", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(["apt-get", *arguments], env=environment, check=False, stdout=subprocess.DEVNULL)


def main() -> int:
    """Find a browser or install one, and say which; 1 where CI has none."""
    if find() is None:
        install()
    found = find()
    if found is None:
        print(f"\n*** NO BROWSER: the tests of the pages will be SKIPPED. {HOW} ***\n", file=sys.stderr)
        return int(in_ci())
    print(f"Browser for the tests: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
