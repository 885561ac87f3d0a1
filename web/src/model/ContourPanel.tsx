import { useState } from "preact/hooks";
import type { Contour, SweepPage } from "../api.ts";
import { Panel, type TableData } from "../charts/Panel.tsx";
import { Choice, named } from "../controls/Choice.tsx";
import { Answered } from "./Answered.tsx";
import { ContourMap } from "./ContourMap.tsx";
import type { Quantity } from "./contourLayers.ts";
import { useExplanation } from "./explanation.ts";

const HELP =
  "What the model predicts if two parameters change and the others stay as in the best run. The lines connect equal values. " +
  "Uncertainty is the standard deviation of the predicted score. Rings are runs.";

interface Props {
  page: SweepPage;
  pair: [string, string];
  onPair: (pair: [string, string]) => void;
}

/** What two parameters do together. */
export function ContourPanel({ page, pair: [x, y], onPair }: Props) {
  const [of, setOf] = useState<Quantity>("score");
  const possible = page.parameters.length >= 2 && x !== y;
  const answer = useExplanation<Contour>(possible ? { what: "contour", x, y } : null);
  const paths = (other: string) =>
    page.parameters.map((p) => ({ value: p.path, label: p.label, disabled: p.path === other }));
  const quantities = named<Quantity>(["score", "uncertainty", ...(answer.value?.cost ? (["cost"] as const) : [])]);
  return (
    <Panel
      title="What two parameters do together"
      help={HELP}
      wide
      empty={page.parameters.length < 2 && "The sweep searches one parameter only."}
      table={answer.value?.gridX.length ? () => contourTable(answer.value!) : undefined}
      controls={
        <>
          <Choice label="x" value={x} options={paths(y)} onChange={(path) => onPair([path, y])} />
          <Choice label="y" value={y} options={paths(x)} onChange={(path) => onPair([x, path])} />
          <Choice label="show" value={of} options={quantities} onChange={setOf} />
        </>
      }
    >
      <Answered answer={answer} page={page}>
        {(contour) => <ContourMap page={page} contour={contour} of={of} />}
      </Answered>
    </Panel>
  );
}

function contourTable({ x, y, gridX, gridY, mean, sd, cost }: Contour): TableData {
  const at = (values: number[][] | null, row: number, column: number) => values?.[row]?.[column] ?? null;
  return {
    columns: [x, y, "mean", "standard deviation", "cost"],
    rows: gridY.flatMap((yValue, row) =>
      gridX.map((xValue, column) => [xValue, yValue, ...[mean, sd, cost].map((values) => at(values, row, column))]),
    ),
  };
}
