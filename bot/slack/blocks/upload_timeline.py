"""The lines of a timeline that tell of files which the bot uploads itself.

Knows: these steps, every `Flaw`. Must not know: Bolt, network, rules.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.distributions import Flaw
from bot.core.release_notices import Step
from bot.slack.blocks.lines import Line, Told
from bot.slack.blocks.pieces import count, go, tick, tidy

FLAWS: Mapping[Flaw, str] = MappingProxyType(
    {
        Flaw.NAME: "its name is no wheel's and no sdist's",
        Flaw.SECRET: "its name holds what looks like a secret, so revoke that",
        Flaw.OTHER_PROJECT: "it is of another project",
        Flaw.OTHER_VERSION: "it is of another version",
        Flaw.EMPTY: "it is empty",
        Flaw.TOO_LARGE: "it is larger than I send",
        Flaw.UNSOUND: "it can't be unpacked, or means different things to different tools",
        Flaw.TOO_MANY_MEMBERS: "it holds far too many files",
        Flaw.BOMB: "it unpacks to far more than it is",
        Flaw.CLIMBS: "a path inside leads out of the folder in which it is unpacked",
        Flaw.LINK: "it holds a link or a device",
        Flaw.TWICE: "it holds one path twice",
        Flaw.NO_METADATA: "it has no metadata where they belong",
        Flaw.METADATA_WRONG: "its metadata break the rules",
        Flaw.METADATA_DIFFERS: "its metadata name another project or version than its name",
        Flaw.NO_FILES: "there is no file",
        Flaw.TOO_MANY_FILES: "there are too many files",
        Flaw.CLASH: "there are two different files of this name",
        Flaw.CHANGED: "it is not what was approved, or what the forge says it is",
    }
)


def _built(line: Line) -> Told:
    if line["url"]:
        what = f"The {go(line['url'], 'run')} ended well. I fetch what it built"
    else:
        what = "I fetch the files of the forge's release"
    return (f":white_check_mark: {what}, look through each file, and upload them.",)


def _checked(line: Line) -> Told:
    size = f"{int(line['bytes']) / 1_048_576:.1f} MB" if line["bytes"].isdecimal() else "no size known"
    files = count(line["files"], "file")
    return (
        f":mag: {files} fetched and looked through ({size}): names, metadata and what they hold are as they must be.",
    )


def _unfit(line: Line) -> Told:
    known = {one.value for one in Flaw}
    why = FLAWS[Flaw(line["flaw"])] if line["flaw"] in known else "it is not fit to be sent"
    detail = f" ({tidy(line['detail'], 200)})" if line["detail"] else ""
    file = tick(line["file"]) if line["file"] else "What was built"
    return (f":no_entry: {file} is not sent: {why}{detail}.",)


def _uploaded(line: Line) -> Told:
    return (f":outbox_tray: {tick(line['file'])} is uploaded ({_of(line)}).",)


def _there(line: Line) -> Told:
    return (f":outbox_tray: {tick(line['file'])} is there already, the very same one ({_of(line)}).",)


def _of(line: Line) -> str:
    return f"{tidy(line['number'], 6)} of {tidy(line['files'], 6)}"


UPLOAD_STEPS: Mapping[Step, Callable[[Line], Told]] = MappingProxyType(
    {
        Step.BUILT: _built,
        Step.FILES_CHECKED: _checked,
        Step.FILE_UNFIT: _unfit,
        Step.FILE_UPLOADED: _uploaded,
        Step.FILE_THERE: _there,
    }
)
