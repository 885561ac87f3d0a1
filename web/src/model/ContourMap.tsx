import { useMemo } from "preact/hooks";
import type { Contour, SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import { PlotArea } from "../charts/Plot.tsx";
import { ramp } from "../charts/palette.ts";
import { amount, scoreName } from "../text/quantities.ts";
import { RunLink } from "../text/RunLink.tsx";
import { Text } from "../text/Text.tsx";
import { contourDrawing, type Quantity } from "./contourLayers.ts";

interface MapProps {
  page: SweepPage;
  contour: Contour;
  of: Quantity;
}

/** The map of two parameters, and what its colors mean. */
export function ContourMap({ page, contour, of }: MapProps) {
  const colors = ramp.value;
  const drawn = useMemo(() => contourDrawing(page, contour, of, colors), [page.runs, contour, of, colors]);
  if (!drawn) return null;
  const what = `${of === "uncertainty" ? "uncertainty of the" : "predicted"} ${of === "cost" ? of : scoreName(page)}`;
  const ends = [drawn.low, drawn.high].map((value) => amount(page, of === "cost" ? "cost" : "score", value));
  return (
    <div class="contour">
      <PlotArea
        title={`${what} by ${drawn.x.label} and ${drawn.y.label}`}
        x={drawn.x}
        y={drawn.y}
        layers={drawn.layers}
        height={420}
        onOpen={opener(page)}
      />
      <p class="color-scale">
        <Text value={what} limit={80} />: {ends[0]} <Colors colors={drawn.colors} /> {ends[1]}
        {contour.run && (
          <>
            . The other parameters are those of <RunLink page={page} name={contour.run} before="run " />. The diamond is
            the best run so far.
          </>
        )}
      </p>
    </div>
  );
}

const [WIDTH, HEIGHT] = [160, 12];

function Colors({ colors }: { colors: string[] }) {
  const width = WIDTH / colors.length;
  return (
    <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
      {colors.map((color, i) => (
        <rect key={color} x={i * width} width={width + 0.5} height={HEIGHT} fill={color} />
      ))}
    </svg>
  );
}
