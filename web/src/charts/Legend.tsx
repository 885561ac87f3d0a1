import { visible } from "../text/format.ts";
import type { Layer } from "./layers.ts";

/** The layers that have a label, with the shape and the color of their marks. */
export function Legend({ layers }: { layers: Layer[] }) {
  const named = layers.filter((layer) => layer.label !== undefined);
  if (named.length === 0) return null;
  return (
    <ul class="legend">
      {named.map((layer) => (
        <li key={layer.label}>
          <Glyph layer={layer} />
          {visible(layer.label!, 60)}
        </li>
      ))}
    </ul>
  );
}

function Glyph({ layer }: { layer: Layer }) {
  const color = `var(--${layer.color})`;
  const shape = layer.kind === "points" ? layer.shape : layer.kind;
  const line = { stroke: color, "stroke-width": 1.8, fill: "none" };
  return (
    <svg width="14" height="12" viewBox="-7 -6 14 12" aria-hidden="true">
      {shape === "dot" && <circle r="3.5" fill={color} />}
      {shape === "ring" && <circle r="3.5" {...line} />}
      {shape === "cross" && <path d="M-3.5-3.5L3.5 3.5M-3.5 3.5L3.5-3.5" {...line} />}
      {shape === "square" && <rect x="-3.5" y="-3.5" width="7" height="7" fill={color} />}
      {shape === "diamond" && <path d="M0-5L5 0L0 5L-5 0Z" fill={color} />}
      {shape === "line" && (
        <path
          d="M-7 0H7"
          {...line}
          {...(layer.kind === "line" && layer.dash?.length ? { "stroke-dasharray": "3 2" } : {})}
        />
      )}
      {shape === "rule" && <path d="M-7 0H7" {...line} stroke-dasharray="3 2" />}
      {shape === "intervals" && <path d="M0-6V6" {...line} />}
      {(shape === "band" || shape === "bars" || shape === "grid") && (
        <rect x="-7" y="-4" width="14" height="8" fill={color} opacity={shape === "band" ? 0.3 : 1} />
      )}
    </svg>
  );
}
