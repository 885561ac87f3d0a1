{{- define "sweep-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough to stay a DNS label when suffixes are appended. */}}
{{- define "sweep-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := include "sweep-operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Includes the namespace, for cluster-scoped objects. */}}
{{- define "sweep-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "sweep-operator.fullname" .) }}
{{- end }}

{{- define "sweep-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "sweep-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "sweep-operator.leaseName" -}}
{{- .Values.leaderElection.leaseName | default (include "sweep-operator.fullname" .) }}
{{- end }}

{{- define "sweep-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sweep-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "sweep-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "sweep-operator.selectorLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The CRDs and the objects that are kept with them. Their names do not depend on the release. */}}
{{- define "sweep-operator.kindMetadata" -}}
labels:
  {{- include "sweep-operator.labels" . | nindent 2 }}
{{- if .Values.crds.keep }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{/* The operator's namespaces as a JSON list. Empty means all namespaces. */}}
{{- define "sweep-operator.namespaces" -}}
{{- if eq .Values.scope "cluster" }}[]
{{- else }}{{ .Values.namespaces | default (list .Release.Namespace) | uniq | toJson }}
{{- end }}
{{- end }}
