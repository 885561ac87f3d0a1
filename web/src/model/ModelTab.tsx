import { useState } from "preact/hooks";
import type { Importance, SweepPage } from "../api.ts";
import type { TabProps } from "../app/tabs.ts";
import "./model.css";
import { CalibrationPanel } from "./CalibrationPanel.tsx";
import { ContourPanel } from "./ContourPanel.tsx";
import { useExplanation } from "./explanation.ts";
import { ImportancePanel } from "./ImportancePanel.tsx";
import { SlicesPanel } from "./SlicesPanel.tsx";

/** What the optimizer's model believes about the parameters, and how sure it is. */
export function ModelTab({ page }: TabProps) {
  const importance = useExplanation<Importance>({ what: "importance" });
  const order = orderOf(page, importance.value?.shares ?? {});
  const [pair, setPair] = useState<[string, string] | null>(null);
  return (
    <div class="panels two">
      <ImportancePanel page={page} answer={importance} />
      <CalibrationPanel page={page} />
      <SlicesPanel page={page} order={order} />
      <ContourPanel page={page} pair={pair ?? [order[0] ?? "", order[1] ?? ""]} onPair={setPair} />
    </div>
  );
}

/** Paths of the parameters, the most important first; the others in the order of the sweep. */
function orderOf(page: SweepPage, shares: Readonly<Record<string, number>>): string[] {
  const paths = page.parameters.map((p) => p.path);
  return paths.sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0));
}
