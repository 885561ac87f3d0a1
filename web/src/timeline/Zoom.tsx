import { panned, type Range, zoomed } from "./layout.ts";

interface ZoomProps {
  range: Range;
  whole: Range;
  onChange: (range: Range) => void;
}

/** Buttons that move and zoom the range of the timeline. */
export function Zoom({ range, whole, onChange }: ZoomProps) {
  const length = range[1] - range[0];
  const around = (factor: number) => () => onChange(zoomed(range, factor, (range[0] + range[1]) / 2, whole));
  const button = (label: string, text: string, onClick: () => void, disabled = false) => (
    <button type="button" class="quiet" aria-label={label} disabled={disabled} onClick={onClick}>
      {text}
    </button>
  );
  const all = range[0] <= whole[0] && range[1] >= whole[1];
  return (
    <fieldset class="buttons" aria-label="Range of the timeline">
      {button("Earlier", "‹", () => onChange(panned(range, -length / 2, whole)), range[0] <= whole[0])}
      {button("Later", "›", () => onChange(panned(range, length / 2, whole)), range[1] >= whole[1])}
      {button("Zoom in", "+", around(0.5))}
      {button("Zoom out", "−", around(2), all)}
      {button("All of the time", "All", () => onChange(whole), all)}
    </fieldset>
  );
}
