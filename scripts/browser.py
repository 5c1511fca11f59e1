"""A headless chromium to look at pages with: pictures, widths, the keyboard, and axe-core's findings.

Speaks the DevTools protocol over a pipe, so that nothing but chromium itself is needed. axe-core (MPL-2.0) is a tool of
development: fetched from the npm registry when it is first wanted, into .venv, and never part of Salus.

    python scripts/browser.py PAGE... --shots FOLDER      # pictures at 1280 and 390 pixels, and what axe finds
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
AXE = "axe-core@4.10.3"
WIDTHS = {1280: 900, 390: 844}
"""Width -> height of a desk and a phone."""
GRAVE = ("serious", "critical")
_PATIENCE = 60.0
_FOCUS = """(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const all = [...document.querySelectorAll('*')];
  const box = e.getBoundingClientRect();
  return {place: all.indexOf(e), what: e.tagName + ' ' + (e.textContent || '').trim().slice(0, 60),
          seen: box.bottom > 0 && box.top < innerHeight && box.width > 0};
})()"""
_WIDE = """(() => {
  const boxed = e => e !== document.body && e !== document.documentElement
    && (getComputedStyle(e).overflowX !== 'visible' || (e.parentElement !== null && boxed(e.parentElement)));
  return [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !boxed(e)).slice(0, 10)
    .map(e => e.tagName + '.' + e.getAttribute('class') + ' ' + Math.round(e.getBoundingClientRect().right));
})()"""
_AXE = """axe.run().then(told => told.violations.map(v => ({id: v.id, impact: v.impact, help: v.help,
  nodes: v.nodes.slice(0, 5).map(n => n.target.join(' ') + ': ' + n.failureSummary)})))"""


def chromium() -> str | None:
    """The browser, if there is one."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


def axe(folder: Path) -> str | None:
    """The script of axe-core, fetched into `folder` when it is not there; None without npm or network."""
    script = folder / "package" / "axe.min.js"
    if not script.is_file() and shutil.which("npm"):
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, check=False, timeout=120
        )
        packed = next(iter(folder.glob("axe-core-*.tgz")), None)
        if done.returncode == 0 and packed:
            with tarfile.open(packed) as archive:
                archive.extract("package/axe.min.js", folder, filter="data")
    return script.read_text(encoding="utf-8") if script.is_file() else None


@dataclass
class Browser:
    """A running chromium with one page."""

    process: subprocess.Popen[bytes]
    told: int
    heard: int
    session: str = ""
    number: int = 0
    rest: bytes = b""
    events: list[Mapping[str, Any]] = field(default_factory=list)

    def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """One command of the protocol, and its result. RuntimeError: chromium refuses."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.told, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: Mapping[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self) -> Mapping[str, Any]:
        while b"\0" not in self.rest:
            part = os.read(self.heard, 1 << 20)
            if not part:
                raise RuntimeError("chromium has ended")
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def open(self, page: Path, width: int) -> None:
        """Show a file at a width, and wait until it is drawn."""
        size = {"width": width, "height": WIDTHS[width], "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        self.wait("!document.querySelector('.chart[data-spec]') || document.documentElement.dataset.drawn === 'yes'")

    def wait(self, condition: str) -> None:
        """Until a condition of the page holds. RuntimeError: it never does."""
        until = time.monotonic() + _PATIENCE
        while not self.value(condition):
            if time.monotonic() > until:
                raise RuntimeError(f"the page never came to {condition}")
            time.sleep(0.05)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to; promises are waited for."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"].get("exception", {}).get("description", told)))
        return told["result"].get("value")

    def picture(self, out: Path, whole: bool = True) -> None:
        """The page as a PNG: all of it, or what the window shows."""
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        out.write_bytes(base64.b64decode(told["data"]))

    def tabs(self, most: int = 400) -> list[Mapping[str, Any]]:
        """Where the tabulator key goes, from the top of the page to its end."""
        self.value("document.activeElement && document.activeElement.blur(); scrollTo(0, 0)")
        visited: list[Mapping[str, Any]] = []
        for _ in range(most):
            for kind in ("rawKeyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            at = self.value(_FOCUS)
            if at is None or (visited and at["place"] == visited[0]["place"]):
                return visited
            visited.append(at)
        return visited

    def findings(self, script: str) -> list[Mapping[str, Any]]:
        """What axe-core finds: rule, impact, and the elements it is about."""
        self.value(script + "; true")
        return list(self.value(_AXE))


def too_wide(browser: Browser) -> list[str]:
    """What makes the page scroll sideways; what scrolls within its own box does not."""
    if not browser.value("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        return []
    return list(browser.value(_WIDE)) or ["the page"]


@contextmanager
def started() -> Iterator[Browser]:
    """A chromium that is gone afterwards, with all it wrote."""
    program = chromium()
    if program is None:
        raise RuntimeError("there is no chromium")
    profile = Path(tempfile.mkdtemp(prefix="salus-browser-"))
    (read, told), (heard, write) = os.pipe(), os.pipe()
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}")
    shell = f'exec "$0" "$@" 3<&{read} 4>&{write}'
    command = ["bash", "-c", shell, program, *flags, "--remote-debugging-pipe", "about:blank"]
    process = subprocess.Popen(command, pass_fds=(read, write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(read)
    os.close(write)
    try:
        yield _attached(Browser(process, told, heard))
    finally:
        os.close(told)
        os.close(heard)
        process.terminate()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def _attached(browser: Browser) -> Browser:
    pages = [t for t in browser.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
    target = pages[0]["targetId"] if pages else browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.call("Page.enable")
    still = [{"name": "prefers-reduced-motion", "value": "reduce"}]  # where the focus is, it is at once
    browser.call("Emulation.setEmulatedMedia", features=still)
    browser.call("Page.setBypassCSP", enabled=True)  # for axe alone: the pages forbid scripts from outside
    return browser


def main(arguments: Sequence[str] | None = None) -> int:
    """Pictures and findings of pages; 1 when something grave was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--shots", type=Path, default=Path("shots"))
    asked = parser.parse_args(arguments)
    asked.shots.mkdir(parents=True, exist_ok=True)
    script = axe(Path(sys.prefix) / "axe-core")
    grave = 0
    with started() as browser:
        for page in asked.pages:
            for width in WIDTHS:
                browser.open(page, width)
                browser.picture(asked.shots / f"{page.stem}-{width}.png")
                found = browser.findings(script) if script else []
                grave += sum(each["impact"] in GRAVE for each in found)
                print(f"{page.name} at {width}: sideways {too_wide(browser) or 'no'}, axe {len(found)}")
                for each in found:
                    print(f"  {each['impact']} {each['id']}: {each['help']}", *each["nodes"], sep="\n    ")
    if script is None:
        print("axe-core is not there (npm or the network is lacking)")
    return int(grave > 0)


if __name__ == "__main__":
    raise SystemExit(main())
