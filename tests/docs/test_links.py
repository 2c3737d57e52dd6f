"""Links from the documentation to itself and to the repository lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """Return a page without its fenced code, where brackets mean something else."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forge and site builder both make them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", prose(page), re.MULTILINE)
    slugs = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return set(slugs)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file of the repository, and its anchor a heading there."""
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_abroad_are_encrypted(page: Path) -> None:
    """A link that leaves the repository is https."""
    for target in LINK.findall(prose(page)):
        assert not target.startswith("http:"), target


def test_every_page_is_reached_from_the_readme() -> None:
    """Following links from the README gets to every page."""
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        targets = [target for target in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target)]
        listed = re.findall(r"^(?!```|:)([\w/-]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in targets]
        waiting += [(page.parent / f"{name}.md").resolve() for name in listed]
    assert [page for page in PAGES if page not in seen and page.name != "CHANGELOG.md"] == []
