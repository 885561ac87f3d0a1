{{- define "sweep-operator.uiName" -}}
{{ include "sweep-operator.fullname" . }}-ui
{{- end }}

{{- define "sweep-operator.uiAccount" -}}
{{ .Values.ui.serviceAccountName | default (include "sweep-operator.uiName" .) }}
{{- end }}

{{- define "sweep-operator.uiSelectorLabels" -}}
{{ merge (dict "app.kubernetes.io/component" "ui") (include "sweep-operator.selectorLabels" . | fromYaml) | toYaml }}
{{- end }}

{{- define "sweep-operator.uiMetadata" -}}
name: {{ include "sweep-operator.uiName" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "sweep-operator.uiLabels" . | nindent 2 }}
{{- end }}

{{- define "sweep-operator.uiLabels" -}}
{{ merge (dict "app.kubernetes.io/component" "ui") (include "sweep-operator.labels" . | fromYaml) | toYaml }}
{{- end }}
