/** Light and dark: the system's choice, until the reader makes one. */
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "sweep-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", () => {
  systemDark.value = system.matches;
});

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // a report opened from a file may have no storage
  }
}

export const theme = signal<Theme>(stored());
/** Changes whenever colors change; canvases depend on it. */
export const dark = signal(false);

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  dark.value = theme.value === "dark" || (theme.value === "system" && systemDark.value);
});

export function choose(next: Theme): void {
  theme.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // the choice then lasts as long as the page
  }
}
