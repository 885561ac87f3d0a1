/** A number with a bar below it that shows its share of a limit; without a limit, only the number. */
export function ProgressBar({ value, of, text }: { value: number; of: number | null; text: string }) {
  const share = of ? Math.min(1, value / of) : 0;
  return (
    <span class="progress">
      <span>{text}</span>
      {of !== null && (
        <svg class="bar" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="3" class="track" />
          <rect width={100 * share} height="3" class={value > of ? "over" : "fill"} />
        </svg>
      )}
    </span>
  );
}
