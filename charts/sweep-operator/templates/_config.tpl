{{/* What --config reads: sweep_operator.api.hardware.OperatorConfig. */}}
{{- define "sweep-operator.config" -}}
profiles:
  {{- toYaml .Values.hardwareProfiles | nindent 2 }}
currency: {{ .Values.currency | quote }}
{{- if not (eq (toString .Values.kueue) "auto") }}
kueue: {{ .Values.kueue }}
{{- end }}
lostNodeSeconds: {{ toJson .Values.lostNodeSeconds }}
wandbBaseUrls:
  {{- toYaml .Values.wandb.baseURLs | nindent 2 }}
{{- end }}
