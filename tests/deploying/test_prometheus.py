"""The alerts for Prometheus: each has tests that promtool runs, a runbook, and metrics that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.prerequisites import missing
from tests.serving import Gateway, serving

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
TESTS = RULES.parent / "tests"
RUNBOOKS = ROOT / "docs" / "runbooks"
PAGE = ROOT / "docs" / "metrics.md"
HEADINGS = ["## Meaning", "## Impact", "## What to look at", "## What to do"]
# The names of metrics in an expression. All of them begin with one of these words, and no function or label does.
METRIC = re.compile(r"\b(?:gateway|process|python)_\w+")
SUFFIXES_OF_HISTOGRAMS = re.compile(r"_(?:bucket|count|sum)$")
ROW = re.compile(r"^\| `(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})?` \| (?P<type>\w+) \|", re.MULTILINE)
LABEL = re.compile(r'(\w+)="')


def alerts() -> dict[str, str]:
    """The part of the rules that defines each alert, by the alert's name."""
    parts = re.split(r"^      - alert: ", RULES.read_text(), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part for part in parts}


def promtool(*arguments: str) -> str:
    """Run promtool. Returns its output. Without promtool, the test is skipped; in CI, it fails."""
    if not shutil.which("promtool"):
        missing("promtool is missing; on Debian: apt-get install prometheus")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=RULES.parent, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def exposed(gateway: Gateway) -> dict[str, tuple[str, set[str]]]:
    """The type of each metric, and the labels of its samples, except `le`. Metrics that say when a counter was created are left out."""
    found: dict[str, tuple[str, set[str]]] = {}
    for line in (await gateway.client.get("/metrics")).text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, type = line.split()
            found[name] = type, set()
        elif not line.startswith("#"):
            name = re.match(r"\w+", line)[0]  # type: ignore[index]
            base = name if name in found else SUFFIXES_OF_HISTOGRAMS.sub("", name)
            found[base][1].update(set(LABEL.findall(line)) - {"le"})
    return {name: value for name, value in found.items() if not name.endswith("_created")}


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", RULES.name)


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_fires_when_it_should_and_only_then(alert: str) -> None:
    text = (TESTS / f"{alert}.yml").read_text()

    promtool("test", "rules", f"tests/{alert}.yml")

    assert set(re.findall(r"alertname: (\w+)", text)) == {alert}
    assert text.count("exp_alerts: []\n") == 1
    assert text.count("exp_labels:\n") >= 1


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_links_to_a_runbook_that_says_what_to_do(alert: str) -> None:
    page = RUNBOOKS / f"{alert}.md"

    text = page.read_text()

    assert f"runbook: {page.relative_to(ROOT)}\n" in alerts()[alert]
    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## .*$", text, re.MULTILINE) == HEADINGS
    assert f"| [{alert}]({alert}.md) |" in (RUNBOOKS / "README.md").read_text()


def test_every_runbook_and_every_test_belongs_to_an_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == alerts().keys()
    assert {test.stem for test in TESTS.glob("*.yml")} == alerts().keys()


async def test_the_metrics_of_the_alerts_and_runbooks_exist(shared_gateway: Gateway) -> None:
    existing = {*await exposed(shared_gateway), "gateway_audit_failures_total"}
    texts = {alert: text + (RUNBOOKS / f"{alert}.md").read_text() for alert, text in alerts().items()}

    missing = {alert: {SUFFIXES_OF_HISTOGRAMS.sub("", name) for name in METRIC.findall(text)} - existing for alert, text in texts.items()}

    assert {alert: names for alert, names in missing.items() if names} == {}


async def test_the_page_lists_every_metric_once_with_its_type_and_labels(database_uri: str, tmp_path: Path) -> None:
    async with serving(database_uri, audit_log=str(tmp_path / "audit.log")) as gateway:
        await gateway.query("{ me { subject } }")
        found = await exposed(gateway)
    rows = [(row["name"], row["type"], set(filter(None, re.split(r",\s*", row["labels"] or "")))) for row in ROW.finditer(PAGE.read_text())]
    listed = {name: type for name, type, _ in rows}

    assert len(listed) == len(rows)
    assert listed == {name: type for name, (type, _) in found.items() if name != "gateway_audit_failures_total"}
    assert {name: labels for name, _, labels in rows if found[name][1] and found[name][1] != labels} == {}
