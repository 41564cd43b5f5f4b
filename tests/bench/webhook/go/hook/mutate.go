package main

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	labelProduct   = "codis.io/product"
	labelComponent = "codis.io/component"
	labelGroup     = "codis.io/group"
	server         = "codis-server"
	hostname       = "kubernetes.io/hostname"
	scheduler      = "codis-scheduler"
)

// What it gives a server to run is what codis-webhook gives, so that both write answers of the same length.

const within = `within() {
  sleep "$1" >/dev/null 2>&1 & t=$!
  shift
  { trap 'kill -9 $!; wait; exit 1' TERM
    "$@" 2>&1 & wait $!
    e=$?; kill $t; exit $e
  } 2>/dev/null & w=$!
  wait $t 2>/dev/null && kill $w
  wait $w
}
`

const clock = `now() { read -r now rest 2>/dev/null </proc/uptime || now=$((${now:-0} + 1)); now=${now%%%%.*}; }
`

const ready = `# codis-k8s: ready is a master, and a replica whose link is up
command -v redis-cli >/dev/null || exit 0
` + within + `ask() { within 1 redis-cli -h "127.0.0.1" -p "%d" info replication; }
i=$(ask )
case $i in
*role:master*|*master_link_status:up*) exit 0 ;;
*master_port:1[!0-9]*) echo 'it waits for codis-controller to give it a role' ;;
*role:slave*) echo 'the link to its master is down' ;;
'' | *'may not be safe.') echo 'it does not answer' ;;
*) echo "$i" ;;
esac
exit 1
`

const start = `# codis-k8s: until it answers, at most 3 s; the pod's address is published when this ends
command -v redis-cli >/dev/null || exit 0
` + within + `ask() { within 1 redis-cli -h "127.0.0.1" -p "%d" info replication; }
` + clock + `now; end=$((now + 2))
while [ "$now" -lt "$end" ]; do
  case $(ask ) in *role:*) exit 0 ;; esac
  sleep 0.1 2>/dev/null || sleep 1
  now
done
exit 0
`

const stop = `# codis-k8s: a master waits until codis-controller has switched to a replica that has its keys, at most %[2]d s
command -v redis-cli >/dev/null || { sleep 3; exit 0; }
` + within + `ask() { within 1 redis-cli -h "127.0.0.1" -p "%[1]d" info; }
` + clock + `now; end=$((now + %[2]d))
while [ "$now" -lt "$end" ]; do
  case $(ask ) in
  *role:master*connected_slaves:0*:keys=*) ;;
  *role:slave*master_port:1[!0-9]*) exit 0 ;;
  *role:slave*master_link_status:down*master_sync_in_progress:0*:keys=*) ;;
  *role:master*connected_slaves:0*) exit 0 ;;
  *role:master*) ;;
  *role:*|*refused*) exit 0 ;;
  esac
  sleep 0.2 2>/dev/null || sleep 1
  now
done
exit 0
`

func env(c *corev1.Container, name, def string) string {
	value := def
	for i := range c.Env {
		if c.Env[i].Name == name {
			value = c.Env[i].Value
		}
	}
	return value
}

// serverOf finds the container of codis-server by its name, then by what it runs.
func serverOf(pod *corev1.Pod) *corev1.Container {
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == server {
			return &pod.Spec.Containers[i]
		}
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if len(c.Command) > 0 && strings.HasSuffix(c.Command[0], server) {
			return c
		}
	}
	return nil
}

func addGuard(c *corev1.Container) {
	words := append(append([]string{}, c.Command...), c.Args...)
	for _, w := range words {
		if w == "--slaveof" {
			return
		}
	}
	guard := []string{"--slaveof", "127.0.0.1", "1", "--slave-serve-stale-data", "no"}
	if len(c.Args) > 0 {
		c.Args = append(c.Args, guard...)
	} else {
		c.Command = append(c.Command, guard...)
	}
}

func shell(text string, values ...any) *corev1.ExecAction {
	return &corev1.ExecAction{Command: []string{"sh", "-c", fmt.Sprintf(text, values...)}}
}

func addHooks(pod *corev1.Pod, c *corev1.Container) {
	port, grace := 6379, int64(30)
	for i, w := range c.Args {
		if w == "--port" && i+1 < len(c.Args) {
			if n, err := strconv.Atoi(c.Args[i+1]); err == nil {
				port = n
			}
		}
	}
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		grace = *pod.Spec.TerminationGracePeriodSeconds
	}
	if c.ReadinessProbe == nil {
		c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: shell(ready, port)},
			TimeoutSeconds: 2, PeriodSeconds: 2, SuccessThreshold: 1, FailureThreshold: 2}
	}
	if c.Lifecycle == nil {
		c.Lifecycle = &corev1.Lifecycle{}
	}
	if c.Lifecycle.PostStart == nil {
		c.Lifecycle.PostStart = &corev1.LifecycleHandler{Exec: shell(start, port)}
	}
	if c.Lifecycle.PreStop == nil {
		c.Lifecycle.PreStop = &corev1.LifecycleHandler{Exec: shell(stop, port, grace-5)}
	}
}

func tolerate(pod *corev1.Pod, key string) {
	for i := range pod.Spec.Tolerations {
		t := &pod.Spec.Tolerations[i]
		if t.Key == key && t.Effect == corev1.TaintEffectNoExecute {
			if t.TolerationSeconds != nil && *t.TolerationSeconds == 300 {
				t.TolerationSeconds = nil
			}
			return
		}
	}
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists,
		Effect: corev1.TaintEffectNoExecute})
}

func spread(pod *corev1.Pod, labels map[string]string) {
	if pod.Spec.Affinity == nil {
		pod.Spec.Affinity = &corev1.Affinity{}
	}
	if pod.Spec.Affinity.PodAntiAffinity == nil {
		pod.Spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{}
	}
	anti := pod.Spec.Affinity.PodAntiAffinity
	anti.RequiredDuringSchedulingIgnoredDuringExecution = append(anti.RequiredDuringSchedulingIgnoredDuringExecution,
		corev1.PodAffinityTerm{LabelSelector: &metav1.LabelSelector{MatchLabels: labels}, TopologyKey: hostname})
}

func mutate(pod *corev1.Pod) error {
	if pod.Labels["app"] != server && pod.Labels[labelComponent] != server {
		return nil
	}
	c := serverOf(pod)
	if c == nil {
		return fmt.Errorf("no container of it is known to be %s", server)
	}
	replica, err := strconv.Atoi(env(c, "SERVER_REPLICA", "2"))
	if err != nil || replica < 1 || replica > 64 {
		return fmt.Errorf("SERVER_REPLICA must be a whole number from 1 to 64")
	}
	ordinal, err := strconv.Atoi(pod.Name[strings.LastIndex(pod.Name, "-")+1:])
	if err != nil {
		return fmt.Errorf("codis-server %q is in no group", pod.Name)
	}
	labels := map[string]string{labelProduct: env(c, "PRODUCT_NAME", "codis-test"), labelComponent: server,
		labelGroup: strconv.Itoa(ordinal/replica + 1)}
	for key, value := range labels {
		pod.Labels[key] = value
	}
	spread(pod, labels)
	pod.Spec.SchedulerName = scheduler
	tolerate(pod, "node.kubernetes.io/not-ready")
	tolerate(pod, "node.kubernetes.io/unreachable")
	addGuard(c)
	addHooks(pod, c)
	return nil
}
