import { Text } from "../text/Text.tsx";
import type { Mark } from "./layers.ts";
import type { Frame } from "./useFrame.ts";

/** What a mark is, beside it. Screen readers get the same text from the plot's status. */
export function Tooltip({ mark, frame: { width, margins, scales } }: { mark: Mark | null; frame: Frame }) {
  if (!mark) return null;
  const x = margins.left + scales.x.of(mark.x);
  const y = margins.top + scales.y.of(mark.y);
  const side = x > width / 2 ? { right: `${width - x + 12}px` } : { left: `${x + 12}px` };
  const [title = "", ...lines] = mark.text();
  return (
    <div class="tooltip" aria-hidden="true" style={{ ...side, top: `${Math.max(0, y - 14)}px` }}>
      <strong>
        <Text value={title} limit={80} />
      </strong>
      {lines.map((line, i) => (
        <div key={i}>
          <Text value={line} limit={160} />
        </div>
      ))}
    </div>
  );
}
