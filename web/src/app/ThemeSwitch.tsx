import { choose, type Theme, theme } from "./theme.ts";

const CHOICES: Theme[] = ["system", "light", "dark"];

export function ThemeSwitch() {
  return (
    <label class="theme">
      <span class="visually-hidden">Colors</span>
      <select value={theme.value} onChange={(event) => choose(event.currentTarget.value as Theme)}>
        {CHOICES.map((choice) => (
          <option key={choice} value={choice}>
            {choice === "system" ? "System colors" : choice === "light" ? "Light" : "Dark"}
          </option>
        ))}
      </select>
    </label>
  );
}
