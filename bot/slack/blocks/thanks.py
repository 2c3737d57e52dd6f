"""How many pull requests were told that they shipped, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping

from bot.slack.blocks.pieces import count, tidy


def thanked(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the line, and what stands below it."""
    older = " Older ones are left out." if values.get("cut") else ""
    done = f":speech_balloon: {count(values.get('told', '0'), 'pull request')} told"
    why = tidy(values.get("why", ""), 1_500).rstrip(".")
    if trouble := values.get("trouble"):
        lost = f"which others shipped I could not find out: {tidy(trouble, 300).rstrip('.')}."
        return (f"{done}; {lost}{older}", f"Not told: {why}." if why else "")
    untold = tidy(values.get("untold", "0"), 6)
    if untold == "0":
        return (f"{done} that the work on them can be installed.{older}",)
    return (f"{done}, {untold} could not be: {why}.{older}",)
