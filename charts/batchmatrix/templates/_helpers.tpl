{{- define "batchmatrix.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "batchmatrix.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "batchmatrix.labels" -}}
{{ include "batchmatrix.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "batchmatrix.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "batchmatrix.fullname" .) -}}
{{- end -}}

{{- define "batchmatrix.claimName" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-store" (include "batchmatrix.fullname" .)) -}}
{{- end -}}

{{/* Not empty where at least one store is a folder. */}}
{{- define "batchmatrix.hasFolder" -}}
{{- range .Values.stores }}{{ if eq .type "folder" }}true{{ end }}{{ end -}}
{{- end -}}

{{- define "batchmatrix.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What the operator may do in each namespace that it serves. */}}
{{- define "batchmatrix.rules" -}}
- apiGroups: [batchmatrix.dev]
  resources: [batchmatrices, matrixcatalogs]
  verbs: [get, list, watch]
- apiGroups: [batchmatrix.dev]
  resources: [batchmatrices/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete, get, list, watch]
# patch takes our finalizer off.
- apiGroups: [""]
  resources: [pods]
  verbs: [delete, get, list, patch, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, get, update]
- apiGroups: [""]
  resources: [events]
  verbs: [create, list]
{{- end -}}
