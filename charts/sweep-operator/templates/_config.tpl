{{/* The file for --config. Its format is sweep_operator.api.hardware.OperatorConfig. */}}
{{- define "sweep-operator.config" -}}
profiles:
  {{- toYaml .Values.hardwareProfiles | nindent 2 }}
currency: {{ .Values.currency | quote }}
{{- if not (eq (toString .Values.kueue) "auto") }}
kueue: {{ .Values.kueue }}
{{- end }}
lostNodeSeconds: {{ toJson .Values.lostNodeSeconds }}
finishedJobSeconds: {{ toJson .Values.finishedJobSeconds }}
{{- with .Values.wandb }}
wandbBaseUrls:
  {{- toYaml .baseURLs | nindent 2 }}
{{- with .projects }}
wandbProjects:
  {{- toYaml . | nindent 2 }}
{{- end }}
wandbRunsPerMinute: {{ toJson .runsPerMinute }}
wandbRunSeconds: {{ toJson .runSeconds }}
{{- end }}
{{- end }}
