{{/* Parts of the operator's admission policies. The last three are CEL. */}}

{{- define "sweep-operator.policyEnabled" -}}
{{- $clusterWide := or (eq .Values.scope "cluster") .Values.crds.enabled }}
{{- if eq (toString .Values.operatorPolicy.enabled) "auto" }}{{ if $clusterWide }}true{{ end }}
{{- else if .Values.operatorPolicy.enabled }}true
{{- end }}
{{- end }}

{{- define "sweep-operator.policyPrefix" -}}
{{ include "sweep-operator.fullname" . }}.{{ .Release.Namespace }}
{{- end }}

{{/* The operator, and the Job that runs before the release is deleted. */}}
{{- define "sweep-operator.policyAccounts" -}}
{{- $prefix := printf "system:serviceaccount:%s" .Release.Namespace -}}
['{{ $prefix }}:{{ include "sweep-operator.serviceAccountName" . }}', '{{ $prefix }}:{{ include "sweep-operator.hookName" . }}']
{{- end }}

{{- define "sweep-operator.policyAllow" -}}
{{ .Values.operatorPolicy.allow | toJson | replace "\"" "'" | quote }}
{{- end }}

{{- define "sweep-operator.policyCapabilities" -}}
{{- $added := list }}
{{- range .Values.hardwareProfiles }}{{ $added = concat $added (.capabilities | default list) }}{{ end }}
{{- $added | uniq | sortAlpha | toJson | replace "\"" "'" | quote }}
{{- end }}
