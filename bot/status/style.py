"""The one style of the status page, and what a content security policy calls it.

Knows: CSS. Must not know: what is shown.

Colours hold a contrast of 4.5 to 1 for text and 3 to 1 for shapes in both schemes (WCAG 1.4.3, 1.4.11); shapes and words say
the same as colours do.
"""

from base64 import b64encode
from hashlib import sha256

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --dim: #4d566b; --paper: #fff; --card: #f4f6fa; --edge: #c3cad8; --deed: #1a56c4;
  --good: #17713f; --bad: #b3261e; --wait: #8a5a00; --on: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f0; --dim: #aab3c5; --paper: #14171e; --card: #1d222c; --edge: #3d4557; --deed: #8ab4ff; --good: #5fd08f;
    --bad: #ff8b80; --wait: #f0b95a; --on: #10131a }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 58rem; padding: 1rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
header, nav ul, .tiles, .legend, .bar { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center }
header { justify-content: space-between; border-bottom: 1px solid var(--edge); padding-bottom: .75rem; margin-bottom: 1.5rem }
header strong { font-size: 1.1rem }
ul, ol, dl, dd { margin: 0; padding: 0; list-style: none }
nav a { display: inline-block; padding: .6rem 0 }
a { color: var(--deed) }
a[aria-current] { color: var(--ink); font-weight: 600; text-decoration-thickness: 2px }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem }
h3 { font-size: 1rem; margin: 0 }
p { margin: .5rem 0; max-width: 42rem }
.dim, figcaption, small { color: var(--dim); font-size: .9rem }
.tiles { gap: .75rem; margin: 1rem 0; align-items: stretch }
.tiles div { flex: 1 1 7.25rem; background: var(--card); border: 1px solid var(--edge); border-radius: 8px; padding: .6rem .75rem;
  display: flex; flex-direction: column-reverse; justify-content: flex-end }
.tiles dd { font-size: 1.35rem; font-weight: 650; line-height: 1.25; white-space: nowrap }
.tiles dt { color: var(--dim); font-size: .9rem }
figure { margin: .5rem 0 0 }
svg { display: block; overflow: hidden }
svg text { fill: var(--ink); font: .875rem system-ui, sans-serif; font-variant-numeric: tabular-nums }
svg .dim { fill: var(--dim) }
.end { text-anchor: end } .mid { text-anchor: middle }
.grid { stroke: var(--edge); stroke-width: 1 }
.done { fill: var(--good) } .failed { fill: none; stroke: var(--bad); stroke-width: 3 }
.stopped { fill: none; stroke: var(--dim); stroke-width: 2 } .under_way { fill: none; stroke: var(--deed); stroke-width: 3 }
.halo { fill: var(--paper); stroke: var(--paper); stroke-width: 2 }
.failed .halo { stroke-width: 6 }
.stopped .halo, .under_way .halo { stroke-width: 5 }
.worked, .work { fill: var(--deed) } .look { fill: var(--dim) } .cause { fill: var(--bad) } .verify { fill: var(--good) }
.hatch { stroke: var(--wait); stroke-width: 4 } .waited, .approval { stroke: var(--wait) }
.legend { font-size: .9rem; margin: .25rem 0 .5rem } .legend li { display: flex; gap: .4rem; align-items: center }
.list li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; padding: .6rem 0; border-top: 1px solid var(--edge) }
.list li > :nth-child(even) { text-align: right }
.state { font-weight: 600; white-space: nowrap } .state.s-done { color: var(--good) } .state.s-failed { color: var(--bad) }
.state.s-stopped { color: var(--dim) } .state.s-under_way { color: var(--deed) }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 8px; padding: .9rem; margin: .75rem 0 }
.proof li { padding: .35rem 0 }
.facts { display: grid; grid-template-columns: minmax(6rem, auto) minmax(0, 1fr); gap: .25rem 1rem; margin: .5rem 0 }
.facts dt { color: var(--dim) }
.steps li { border-left: 3px solid var(--edge); padding: 0 0 1rem 1rem; margin-left: .3rem }
.steps li:last-child { padding-bottom: 0 }
.note { border-left: 4px solid var(--bad); padding: .25rem 0 .25rem 1rem; margin: 1rem 0 }
pre, code { font: .9rem/1.45 ui-monospace, monospace } pre { white-space: pre-wrap; background: var(--card); padding: .75rem;
  border: 1px solid var(--edge); border-radius: 6px; margin: .5rem 0 }
details { margin: .5rem 0 } summary { cursor: pointer; padding: .6rem 0; color: var(--deed) }
table { border-collapse: collapse; font-size: .9rem; width: 100% } th, td { text-align: left; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--edge); vertical-align: top } .num { text-align: right; padding-right: 0 }
button, .button { font: inherit; font-weight: 600; background: var(--deed); color: var(--on); border: 0; border-radius: 6px;
  padding: .6rem 1.1rem; min-height: 2.75rem; cursor: pointer; display: inline-block; text-decoration: none }
.plain { background: none; color: var(--deed); padding: .6rem 0 }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem }
:focus-visible { outline: 3px solid var(--deed); outline-offset: 3px }
@media print { form, nav, details { display: none } }
"""
STYLE_SOURCE = f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
