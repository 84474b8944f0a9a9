"""`make docs`: the manual as a site. Each page is on it, each link fits, and nothing is loaded from elsewhere."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.pages import pages
from tests.support.manual import NOT_INSTALLED, ZENSICAL, build_site, lay_out
from tests.support.server import ROOT

LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
ELSEWHERE = re.compile(r"(?:https?:)?//")

pytestmark = pytest.mark.skipif(not ZENSICAL.exists(), reason=NOT_INSTALLED)


class Loads(HTMLParser):
    """What a page loads by itself; a link that somebody must click is none."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.urls += [value or "" for name, value in attrs if name == LOADED.get(tag)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    lay_out(build)
    done = build_site(build)
    assert done.returncode == 0, done.stdout + done.stderr
    return build / "site"


def html(site: Path, page: Path) -> Path:
    """Where a page of the repository is on the site."""
    name = page.relative_to(ROOT).with_suffix(".html")
    return site / (name.with_name("index.html") if name.stem == "README" else name)


def test_every_page_is_on_the_site_and_its_first_line_is_the_heading(site: Path) -> None:
    for page in pages():
        assert "<h1" in html(site, page).read_text(encoding="utf-8"), page


def test_every_page_is_in_the_contents(site: Path) -> None:
    contents = (site.parent / "zensical.toml").read_text(encoding="utf-8")
    assert [page for page in pages() if f'"{page.relative_to(ROOT)}"' not in contents] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    files = list(site.rglob("*.html"))
    urls = [url for file in files for url in Loads(file).urls]
    assert len(urls) > 2 * len(files)
    assert [url for url in urls if ELSEWHERE.match(url)] == []
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")) == []


def test_what_a_page_loads_is_there(site: Path) -> None:
    for file in site.rglob("*.html"):
        if file.name != "404.html":
            for url in Loads(file).urls:
                assert (file.parent / url.partition("?")[0]).exists(), (file, url)


@pytest.mark.parametrize("link", ["docs/nowhere.md", "docs/settings.md#nowhere"])
def test_a_link_that_leads_nowhere_stops_the_build(link: str, site: Path, tmp_path: Path) -> None:
    shutil.copytree(site.parent / "manual", tmp_path / "manual")
    shutil.copy(site.parent / "zensical.toml", tmp_path)
    with (tmp_path / "manual" / "README.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[a link]({link})\n")
    done = build_site(tmp_path)
    assert done.returncode != 0
    assert "does not exist" in done.stdout + done.stderr
