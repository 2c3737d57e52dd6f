"""What is said when the bot can't speak in a channel any more.

Knows: the wording. Must not know: Bolt, network.
"""

from bot.core.install_notices import ChannelGone
from bot.slack.blocks.base import Message, escape, message, section
from bot.slack.blocks.pieces import one_line

MOST = 10
"""Names that are listed; more of them are counted."""


def channel_gone(notice: ChannelGone) -> Message:
    """Say why, what waits there, and what brings it on."""
    there = f"<#{escape(notice.channel)}>"
    kind = notice.why.partition("_")[2]
    kind = kind if kind in _HAPPENED else "left"
    names = [f"• {escape(one_line(name, 150))}" for name in notice.waits[:MOST]]
    more = len(notice.waits) - MOST
    listed = "\n".join([*names, *([f"• and {more} more"] if more > 0 else [])])
    return message(
        "Shipbell can't speak in a channel any more",
        [
            section(f":mute: {_HAPPENED[kind].format(there=there)}"),
            section(f"Under way there, and it goes on:\n{listed}"),
            section(_REMEDY[kind].format(there=there)),
        ],
    )  # fmt: skip


_HAPPENED = {
    "archive": "{there} was archived, so I can't speak there.",
    "deleted": "A channel that I spoke in ({there}) was deleted.",
    "left": "Somebody removed me from {there}, so I can't speak there.",
    "lost": "Slack no longer lets me speak in {there}: somebody archived it, or removed me.",
}
_COMES = "What I have to say waits a day for that and then comes at once."
_REMEDY = {
    "archive": "Unarchive {there}, and type `/invite @shipbell` there should I be missing. " + _COMES,
    "deleted": (
        "It can't come back. Approve a release in my Home tab, or type `/release cancel PROJECT` and ask for it again in another "
        "channel. To have a publisher told of elsewhere, type `/publisher remove PROJECT`, then `/publisher add PROJECT OWNER/REPO "
        "channel=#other`."
    ),
    "left": "Type `/invite @shipbell` in {there}. " + _COMES,
    "lost": "Unarchive {there} if it is archived, and type `/invite @shipbell` there. " + _COMES,
}
