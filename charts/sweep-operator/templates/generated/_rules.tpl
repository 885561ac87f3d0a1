{{- /* Generated from the models by `make generate`. */}}

{{- define "sweep-operator.workRules" -}}
- apiGroups:
  - metta.ai
  resources:
  - sweeps
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - metta.ai
  resources:
  - sweepruns
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - metta.ai
  resources:
  - sweeps/status
  - sweepruns/status
  verbs:
  - update
- apiGroups:
  - metta.ai
  resources:
  - sweeps/finalizers
  - sweepruns/finalizers
  verbs:
  - update
- apiGroups:
  - batch
  resources:
  - jobs
  verbs:
  - get
  - list
  - watch
  - create
  - delete
  - deletecollection
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - ''
  resources:
  - pods/log
  verbs:
  - get
- apiGroups:
  - ''
  resources:
  - persistentvolumeclaims
  verbs:
  - get
  - list
  - create
  - delete
- apiGroups:
  - ''
  resources:
  - services
  verbs:
  - get
  - list
  - create
  - delete
- apiGroups:
  - ''
  resources:
  - configmaps
  verbs:
  - get
  - create
- apiGroups:
  - apps
  resources:
  - controllerrevisions
  verbs:
  - get
  - create
  - patch
  - delete
- apiGroups:
  - ''
  resources:
  - events
  verbs:
  - create
{{- end }}

{{- define "sweep-operator.leaseRules" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  resourceNames:
  - {{ include "sweep-operator.leaseName" . }}
  verbs:
  - get
  - patch
{{- end }}

{{- define "sweep-operator.stopRules" -}}
- apiGroups:
  - apps
  resources:
  - deployments/scale
  resourceNames:
  - {{ include "sweep-operator.fullname" . }}
  verbs:
  - patch
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - list
{{- end }}

{{- define "sweep-operator.releaseRules" -}}
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - list
  - patch
{{- end }}

{{- define "sweep-operator.uiRules" -}}
- apiGroups:
  - metta.ai
  resources:
  - sweeps
  - sweepruns
  verbs:
  - list
  - watch
{{- end }}

{{- define "sweep-operator.viewRules" -}}
- apiGroups:
  - metta.ai
  resources:
  - sweeps
  - sweepruns
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ''
  resources:
  - pods/log
  verbs:
  - get
- apiGroups:
  - apps
  resources:
  - controllerrevisions
  verbs:
  - get
- apiGroups:
  - metrics.k8s.io
  resources:
  - pods
  verbs:
  - get
  - list
- apiGroups:
  - ''
  resources:
  - events
  verbs:
  - list
{{- end }}

{{- define "sweep-operator.editRules" -}}
- apiGroups:
  - metta.ai
  resources:
  - sweeps
  - sweepruns
  verbs:
  - create
  - update
  - patch
  - delete
  - deletecollection
- apiGroups:
  - metta.ai
  resources:
  - sweeps/scale
  verbs:
  - get
  - update
  - patch
{{- end }}
