"""Colors, fonts and the page's style sheet and script; nothing is fetched."""

from __future__ import annotations

INK, MUTED, GRID, PAPER = "#1e293b", "#64748b", "#e2e8f0", "#ffffff"
ACCENT, GOOD, BAD, SOFT, GOLD = "#2563eb", "#059669", "#dc2626", "#94a3b8", "#f59e0b"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

CSS = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: #f1f5f9; color: {INK}; font: 15px/1.5 {FONT}; }}
main {{ max-width: 1280px; margin: 0 auto; padding: 32px 24px 64px; }}
header h1 {{ margin: 0; font-size: 28px; letter-spacing: -0.02em; overflow-wrap: anywhere; }}
header p {{ margin: 4px 0 0; color: {MUTED}; }}
.status {{ display: inline-block; margin-left: 12px; padding: 3px 12px; border-radius: 999px; font-size: 13px;
  font-weight: 600; vertical-align: 5px; letter-spacing: 0; background: #dbeafe; color: #1d4ed8; }}
.status.true {{ background: #d1fae5; color: #047857; }}
.status.false {{ background: #fee2e2; color: #b91c1c; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 24px 0; }}
.tile, section {{ background: {PAPER}; border: 1px solid {GRID}; border-radius: 12px; }}
.tile {{ padding: 14px 18px; }}
.tile b {{ display: block; font-size: 24px; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }}
.tile span {{ color: {MUTED}; font-size: 13px; }}
.grid {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }}
.wide {{ grid-column: 1 / -1; }}
section {{ padding: 18px 20px; min-width: 0; }}
section h2 {{ margin: 0; font-size: 17px; letter-spacing: -0.01em; }}
section p.note {{ margin: 2px 0 10px; color: {MUTED}; font-size: 13px; }}
section p.empty {{ margin: 0; padding: 36px 0; text-align: center; color: {MUTED}; }}
pre {{ margin: 0; padding: 14px 16px; background: #0f172a; color: #e2e8f0; border-radius: 8px; overflow-x: auto;
  font: 13px/1.55 {MONO}; }}
.scroll {{ overflow-x: auto; max-height: 640px; overflow-y: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 6px 10px; text-align: left; border-bottom: 1px solid {GRID}; white-space: nowrap; }}
td.text {{ white-space: normal; min-width: 220px; overflow-wrap: anywhere; color: {MUTED}; }}
th {{ position: sticky; top: 0; background: {PAPER}; color: {MUTED}; font-weight: 600;
  cursor: pointer; user-select: none; }}
th.number, td.number {{ text-align: right; }}
th[aria-sort=ascending]::after {{ content: " ↑"; }}
th[aria-sort=descending]::after {{ content: " ↓"; }}
tr.best td {{ background: #ecfdf5; }}
tr.failed td:nth-child(2) {{ color: {BAD}; }}
footer {{ margin-top: 24px; color: {MUTED}; font-size: 13px; }}
@media (max-width: 900px) {{ .grid {{ grid-template-columns: minmax(0, 1fr); }} }}
@media print {{ body {{ background: none; }} section {{ break-inside: avoid; }} .scroll {{ max-height: none; }} }}
"""

SORT_SCRIPT = """
document.querySelectorAll('table.sortable th').forEach((th, column) => th.addEventListener('click', () => {
  const body = th.closest('table').tBodies[0];
  const descending = th.getAttribute('aria-sort') === 'ascending';
  th.parentNode.querySelectorAll('th').forEach(other => other.removeAttribute('aria-sort'));
  th.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === '' || y === '') return (x === '') - (y === '');
    const numeric = !isNaN(x) && !isNaN(y);
    return (descending ? -1 : 1) * (numeric ? x - y : x.localeCompare(y));
  };
  [...body.rows].sort(order).forEach(row => body.append(row));
}));
"""
