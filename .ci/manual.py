"""The manual's pages laid out for the site generator: `make docs`.

    .venv/bin/python .ci/manual.py       (as `make docs` does, before it runs zensical)

Copies the pages into build/manual/ as they lie in the repository, so that one link fits both, and
writes build/zensical.toml. The site's contents are docs/README.md's links, in its order.
"""

import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ITEM = re.compile(r"^(?:## (.+)|- \[([^]]+)\]\(([^)#]+\.md)\).*)$", re.MULTILINE)
# No fonts from elsewhere. Not its "offline" plugin: that loads a script from a CDN, to search pages opened as files.
SITE = """\
[project]
site_name = "Coatcheck"
site_description = "User accounts for FastAPI"
docs_dir = "manual"
site_dir = "site"
use_directory_urls = false
extra_css = ["docs/site.css"]
nav = {nav}

[project.theme]
font = false
"""


def contents(index: str) -> list[str]:
    """The navigation, as TOML: the links of docs/README.md; what stands under a heading lies under it."""
    top = ['{ "Coatcheck" = "README.md" }', '{ "The manual" = "docs/README.md" }']
    section, items = "", list[str]()
    for heading, title, target in [*ITEM.findall(index), ("end", "", "")]:
        if not heading:
            entry = f"{{ {json.dumps(_title(title, target))} = {json.dumps(_from_the_root(target))} }}"
            (items if section else top).append(entry)
        else:
            if items:
                top.append(f"{{ {json.dumps(section)} = [{', '.join(items)}] }}")
            section, items = heading, []
    return top


def _from_the_root(target: str) -> str:
    return target.removeprefix("../") if target.startswith("../") else f"docs/{target}"


def _title(title: str, target: str) -> str:
    """The link's words; where they are only the file's name, the page's own first line."""
    if title != Path(target).name:
        return title
    return (ROOT / "docs" / target).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def lay_out(build: Path) -> None:
    """Write `build`/manual and `build`/zensical.toml anew."""
    pages = build / "manual"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(ROOT / "docs", pages / "docs")
    for file in (*ROOT.glob("*.md"), ROOT / "LICENSE"):
        shutil.copy(file, pages)
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    nav = "[\n  " + ",\n  ".join(contents(index)) + ",\n]"
    (build / "zensical.toml").write_text(SITE.format(nav=nav), encoding="utf-8")


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build")
