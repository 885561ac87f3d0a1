"""Colors and fonts of the figures; those of the page are in templates/page.css."""

from __future__ import annotations

INK, MUTED, GRID = "#1e293b", "#64748b", "#e2e8f0"
ACCENT, GOOD, BAD, SOFT, GOLD = "#2563eb", "#059669", "#dc2626", "#94a3b8", "#f59e0b"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
