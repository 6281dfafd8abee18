{{- define "cardea.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "cardea.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cardea.labels" -}}
{{ include "cardea.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* What cannot work is refused here, not by pods that do not start. */}}
{{- define "cardea.check" -}}
{{- if not .Values.issuer }}{{ fail "issuer is required: the address by which everybody knows the server, such as https://id.example.com" }}{{ end }}
{{- if not .Values.secret.keys.databaseURL }}
{{- if gt (int .Values.replicas) 1 }}{{ fail "replicas: pods share no database that is a file; name one with secret.keys.databaseURL, or have one pod" }}{{ end }}
{{- if not .Values.persistence.enabled }}{{ fail "persistence.enabled: a database that is a file needs a volume, or it is lost with the pod" }}{{ end }}
{{- else if not .Values.secret.keys.masterKey }}{{ fail "secret.keys.masterKey is required with a database that pods share: all need the same key" }}
{{- end }}
{{- if and .Values.secret.keys.redisURL (not .Values.secret.keys.databaseURL) }}{{ fail "secret.keys.redisURL needs secret.keys.databaseURL: a pod whose database is a file has nobody to share with" }}{{ end }}
{{- end }}
