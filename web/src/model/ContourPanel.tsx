import { useMemo, useState } from "preact/hooks";
import type { Contour, SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { PlotArea } from "../charts/Plot.tsx";
import { ramp } from "../charts/palette.ts";
import { RunLink } from "../run/WhyPoint.tsx";
import { cost, number } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { Answered } from "./Answered.tsx";
import { contourDrawing, type Quantity } from "./contourLayers.ts";
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
export function ContourPanel({ page, pair, onPair }: Props) {
  const [x, y] = pair;
  const [of, setOf] = useState<Quantity>("score");
  const possible = page.parameters.length >= 2 && x !== y;
  const answer = useExplanation<Contour>(possible ? { what: "contour", x, y } : null);
  const choose = (label: string, value: string, other: string, onValue: (path: string) => void) => (
    <label>
      {label}{" "}
      <select value={value} onChange={(e) => onValue(e.currentTarget.value)}>
        {page.parameters.map((p) => (
          <option key={p.path} value={p.path} disabled={p.path === other}>
            {p.label.slice(0, 60)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Panel
      title="What two parameters do together"
      help={HELP}
      wide
      empty={page.parameters.length < 2 && "The sweep searches one parameter only."}
      {...(answer.value ? { table: () => contourTable(answer.value!) } : {})}
      controls={
        <>
          {choose("x", x, y, (path) => onPair([path, y]))}
          {choose("y", y, x, (path) => onPair([x, path]))}
          <label>
            show{" "}
            <select value={of} onChange={(e) => setOf(e.currentTarget.value as Quantity)}>
              <option value="score">score</option>
              <option value="uncertainty">uncertainty</option>
              {answer.value?.cost && <option value="cost">cost</option>}
            </select>
          </label>
        </>
      }
    >
      <Answered answer={answer} page={page}>
        {(contour) => <ContourMap page={page} contour={contour} of={of} />}
      </Answered>
    </Panel>
  );
}

function ContourMap({ page, contour, of }: { page: SweepPage; contour: Contour; of: Quantity }) {
  const colors = ramp.value;
  const drawn = useMemo(() => contourDrawing(page, contour, of, colors), [page.runs, contour, of, colors]);
  if (!drawn) return null;
  const { namespace, name, metric, costUnit } = page.row;
  const show = (value: number) => (of === "cost" ? cost(value, costUnit) : number(value));
  const what =
    of === "score"
      ? `predicted ${metric || "score"}`
      : of === "cost"
        ? "predicted cost"
        : `uncertainty of the ${metric || "score"}`;
  return (
    <div class="contour">
      <PlotArea
        title={`${what} by ${drawn.x.label} and ${drawn.y.label}`}
        x={drawn.x}
        y={drawn.y}
        layers={drawn.layers}
        height={420}
        onOpen={(run) => go(runHref(namespace, name, run))}
      />
      <p class="color-scale">
        <Text value={what} limit={80} />: {show(drawn.low)}{" "}
        <svg width="160" height="12" aria-hidden="true">
          {drawn.colors.map((color, i) => (
            <rect
              key={color}
              x={(160 * i) / drawn.colors.length}
              width={160 / drawn.colors.length + 0.5}
              height="12"
              fill={color}
            />
          ))}
        </svg>{" "}
        {show(drawn.high)}
        {contour.run && (
          <>
            . The other parameters are those of <RunLink now={page} name={contour.run} />, the best configuration so far
            (diamond).
          </>
        )}
      </p>
    </div>
  );
}

function contourTable(contour: Contour) {
  return {
    columns: [contour.x, contour.y, "mean", "standard deviation", "cost"],
    rows: contour.gridY.flatMap((y, row) =>
      contour.gridX.map((x, column) => [
        x,
        y,
        contour.mean[row]?.[column] ?? null,
        contour.sd[row]?.[column] ?? null,
        contour.cost?.[row]?.[column] ?? null,
      ]),
    ),
  };
}
