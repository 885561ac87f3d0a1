/** The colors of canvases: those of the style sheet, resolved for the theme. Safe for color blindness (Okabe and Ito). */
import { computed } from "@preact/signals";
import { dark } from "../app/theme.ts";

const NAMES = [
  "ink",
  "muted",
  "faint",
  "line",
  "surface",
  "accent",
  "good",
  "failed",
  "pruned",
  "running",
  "waiting",
  "low",
  "high",
  "series-1",
  "series-2",
  "series-3",
  "series-4",
  "series-5",
  "series-6",
] as const;
export type ColorName = (typeof NAMES)[number];
export type Palette = Record<ColorName, string>;

export const palette = computed<Palette>(() => {
  dark.value; // resolved again for another theme
  const probe = document.body.appendChild(document.createElement("i"));
  const colors = {} as Palette;
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
});

const RAMP = 24;

/** Colors from the worst to the best score; the best have the most contrast. */
export const ramp = computed<string[]>(() => {
  const [low, high] = [rgb(palette.value.low), rgb(palette.value.high)];
  return Array.from({ length: RAMP }, (_, i) => {
    const share = i / (RAMP - 1);
    return `rgb(${low.map((from, c) => Math.round(from + (high[c]! - from) * share)).join(" ")})`;
  });
});

function rgb(color: string): number[] {
  return (color.match(/[\d.]+/g) ?? ["0", "0", "0"]).slice(0, 3).map(Number);
}
