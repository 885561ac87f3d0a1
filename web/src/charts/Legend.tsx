import { visible } from "../text/format.ts";
import type { Layer } from "./layers.ts";
import { isFilled, pathData } from "./shapes.ts";

/** The layers that have a label, with the shape and the color of their marks. */
export function Legend({ layers }: { layers: Layer[] }) {
  const named = layers.filter((layer) => layer.label !== undefined);
  if (named.length === 0) return null;
  return (
    <ul class="legend">
      {named.map((layer) => (
        <li key={layer.label}>
          <svg width="14" height="12" viewBox="-7 -6 14 12" aria-hidden="true">
            <Glyph layer={layer} />
          </svg>
          {visible(layer.label!, 60)}
        </li>
      ))}
    </ul>
  );
}

function Glyph({ layer }: { layer: Layer }) {
  const color = `var(--${layer.color})`;
  const line = { stroke: color, "stroke-width": 1.8, fill: "none" };
  switch (layer.kind) {
    case "points":
      return <path d={pathData(layer.shape, 3.5)} {...(isFilled(layer.shape) ? { fill: color } : line)} />;
    case "line":
      return <path d="M-7 0H7" {...line} {...(layer.dash?.length ? { "stroke-dasharray": "3 2" } : {})} />;
    case "rule":
      return <path d="M-7 0H7" {...line} stroke-dasharray="3 2" />;
    case "intervals":
      return <path d="M0-6V6" {...line} />;
    default:
      return <rect x="-7" y="-4" width="14" height="8" fill={color} opacity={layer.kind === "band" ? 0.3 : 1} />;
  }
}
