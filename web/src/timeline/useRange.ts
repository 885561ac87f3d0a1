import { useState } from "preact/hooks";
import { panned, type Range } from "./layout.ts";

interface ShownRange {
  range: Range;
  change: (next: Range) => void;
  /** While following, the zoomed range keeps its length and ends now. */
  follow: boolean;
  setFollow: (follow: boolean) => void;
}

/** The part of the time that the timeline shows. */
export function useRange(whole: Range): ShownRange {
  const [zoom, setZoom] = useState<Range | null>(null);
  const [follow, setFollow] = useState(false);
  const change = (next: Range) => {
    setFollow(false);
    setZoom(next[0] <= whole[0] && next[1] >= whole[1] ? null : next);
  };
  const range = !zoom ? whole : follow ? panned(zoom, whole[1] - zoom[1], whole) : zoom;
  return { range, change, follow, setFollow };
}
