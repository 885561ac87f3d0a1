/** Numbers, durations and times as the page shows them. */
import type { Scalar } from "../api.ts";

const NONE = "–";
const MINUS = /^-/;

// Formatters are kept: making one takes longer than a hundred uses of it.
const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 8 });
const DATE_TIME = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** Four significant digits: 0.00012, 12.35, 12,350, 1.2e-7. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return NONE;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "NaN";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text: string;
  if (size >= 1e7 || size < 1e-4) text = Number(value.toPrecision(Math.min(digits, 3))).toExponential();
  else if (Number.isInteger(value)) text = WHOLE.format(value);
  else {
    const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    text = WHOLE.format(Number(value.toFixed(Math.min(decimals, 8))));
  }
  return text.replace("e+", "e").replace(MINUS, "−");
}

const UNITS: [number, string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "m"],
  [1, "s"],
];

/** Two units at most: 2d 3h, 5m 20s, 4.2s. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  if (seconds < 0) return `−${duration(-seconds)}`;
  if (seconds < 10) return `${Number(seconds.toFixed(seconds < 1 ? 2 : 1))}s`;
  let whole = Math.round(seconds);
  const parts: string[] = [];
  const first = UNITS.findIndex(([size]) => whole >= size);
  for (const [size, unit] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(whole / size);
    if (count > 0 || parts.length === 0) parts.push(`${count}${unit}`);
    whole -= count * size;
  }
  return parts.join(" ");
}

/** A cost in the sweep's unit; seconds are shown as a duration. */
export function cost(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return NONE;
  return unit === "seconds" ? duration(value) : `${number(value)} ${visible(unit, 20)}`.trim();
}

export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return NONE;
  const value = share * 100;
  return `${value > 0 && value < 1 ? "<1" : Math.round(value)}%`;
}

export function scalar(value: Scalar | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return typeof value === "number" ? number(value, 5) : String(value);
}

/** Date and time in the reader's time zone. */
export function time(iso: string | null): string {
  if (iso === null) return NONE;
  const date = new Date(iso);
  return Number.isNaN(date.valueOf()) ? NONE : DATE_TIME.format(date);
}

/** "3m ago", relative to `now` (milliseconds). */
export function ago(iso: string | null, now: number): string {
  if (iso === null) return NONE;
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds < 5 ? "just now" : `${duration(seconds).split(" ")[0]} ago`;
}

export function plural(count: number, noun: string): string {
  return `${WHOLE.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

// Control characters except tab and line feed, and marks that change the direction of text.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;

/** The text with invisible characters written as escapes, and at most `limit` characters long. */
export function visible(text: string, limit = Number.POSITIVE_INFINITY): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
