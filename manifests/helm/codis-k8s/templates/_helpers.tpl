{{- /* The version of kube-scheduler: the API server's, without what a vendor has behind it (v1.30.9-eks-7f9249a), which not every
       version of Helm leaves out. */ -}}
{{- define "codis-k8s.schedulerTag" -}}
{{- .Values.scheduler.tag | default (regexFind "^v[0-9]+\\.[0-9]+\\.[0-9]+" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
