import { Choice } from "../controls/Choice.tsx";
import { choose, type Theme, theme } from "./theme.ts";

const CHOICES: { value: Theme; label: string }[] = [
  { value: "system", label: "System colors" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function ThemeSwitch() {
  return <Choice label="Colors" hidden value={theme.value} options={CHOICES} onChange={choose} />;
}
