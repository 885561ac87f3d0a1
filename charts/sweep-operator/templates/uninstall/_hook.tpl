{{- define "sweep-operator.hookName" -}}
{{ include "sweep-operator.fullname" . }}-uninstall
{{- end }}

{{/* Hook annotations: run before the release is deleted, and create the roles before the Job. */}}
{{- define "sweep-operator.hookMetadata" -}}
labels:
  {{- merge (dict "app.kubernetes.io/component" "uninstall") (include "sweep-operator.labels" . | fromYaml) | toYaml | nindent 2 }}
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
