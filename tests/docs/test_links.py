"""Links from the documentation to itself and to the repository lead somewhere."""

import re
from pathlib import Path

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


LINKS = [(page, target) for page in PAGES for target in LINK.findall(prose(page))]


def test_relative_links_lead_somewhere() -> None:
    """Each relative link names a file of the repository, and its anchor a heading there."""
    for page, target in LINKS:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_relative_to(ROOT), (page, target)
        assert file.exists(), (page, target)
        if anchor:
            assert anchor in anchors(file), (page, target)


def test_links_abroad_are_encrypted() -> None:
    """A link that leaves the repository is https."""
    assert not [(page, target) for page, target in LINKS if target.startswith("http:")]


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
