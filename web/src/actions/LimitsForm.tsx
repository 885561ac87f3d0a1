import { useLayoutEffect, useState } from "preact/hooks";
import { page } from "../store/store.ts";
import { FieldSet, type FormProps, TextField } from "./Fields.tsx";
import { changedLimits, type LimitField, limitFields, limitTexts } from "./form.ts";

/** The limits of the sweep. */
export function LimitsForm({ onDraft }: FormProps) {
  const now = page.value!;
  const fields = limitFields(now.limits, now.row.costUnit);
  const [texts, setTexts] = useState(() => limitTexts(fields));
  const { limits, errors } = changedLimits(texts, fields);
  const nothing = Object.keys(limits).length === 0 || Object.keys(errors).length > 0;
  useLayoutEffect(() => {
    // before the next key: Enter sends what the form shows
    onDraft(nothing ? null : { limits });
  }, [JSON.stringify(texts)]);
  return (
    <FieldSet legend="Limits. Change one to see the command.">
      {fields.map((field) => (
        <TextField
          key={field.name}
          label={field.label}
          help={helpOf(field)}
          error={errors[field.name]}
          text={texts[field.name] ?? ""}
          onText={(text) => setTexts({ ...texts, [field.name]: text })}
          decimal
        />
      ))}
    </FieldSet>
  );
}

function helpOf({ help, value }: LimitField): string {
  return `${help}; ${value === null ? "no limit now" : `${value} now`}`;
}
