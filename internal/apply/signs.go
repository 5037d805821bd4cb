package apply

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/symptom"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// hopeless are reasons for which a container waits and that do not pass by
// themselves. ErrImagePull is left out: it turns into ImagePullBackOff when the
// next try fails too.
var hopeless = map[string]harden.SymptomKind{
	"CreateContainerConfigError": harden.SymptomCrash,
	"CreateContainerError":       harden.SymptomCrash,
	"RunContainerError":          harden.SymptomCrash,
	"CrashLoopBackOff":           harden.SymptomCrash,
	"InvalidImageName":           harden.SymptomImage,
	"ImagePullBackOff":           harden.SymptomImage,
	"ImageInspectError":          harden.SymptomImage,
	"ErrImageNeverPull":          harden.SymptomImage,
}

// uninvolved are reasons of failed pods that say nothing about their template:
// the node goes away or has no room. The controller makes another pod.
var uninvolved = []string{"NodeShutdown", "Shutdown", "Terminated", "NodeLost", "Preempting", "NodeAffinity", "OutOfcpu", "OutOfmemory", "OutOfpods", "OutOfephemeral-storage"}

// Exit codes that say more than that a program failed: those of a shell, and
// 128 with the number of a signal.
var exitCodes = map[int32]string{
	126: "126: the program may not be executed",
	127: "127: the program was not found",
	137: "137: killed",
	139: "139: segmentation fault",
	159: "159: killed for a system call that is not allowed",
}

const exitBadSystemCall = 159

// signsOf are the signs that a pod does not come up or breaks. Restarts count
// when there are more than tolerated, by container: an app that already
// restarted under the old template may do so under the new one. Without
// tolerated (nil) neither restarts nor failed pods are judged, which is for pods
// that were there before.
func signsOf(p *corev1.Pod, tolerated map[string]int32) []harden.Symptom {
	var signs []harden.Symptom
	if p.Status.Phase == corev1.PodFailed && tolerated != nil && !slices.Contains(uninvolved, p.Status.Reason) && p.Status.Reason != "" {
		s := harden.Symptom{Kind: harden.SymptomCrash, Pod: p.Name, Line: "the pod failed: " + said(p.Status.Reason, p.Status.Message)}
		signs = append(signs, read(s))
	}
	for _, status := range statusesOf(p) {
		kind, line := signOf(p, &status, tolerated)
		if line == "" {
			continue
		}
		signs = append(signs, read(harden.Symptom{Kind: kind, Pod: p.Name, Container: status.Name, Image: imageOf(p, status.Name), Line: line}))
	}
	return signs
}

func statusesOf(p *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}

func signOf(p *corev1.Pod, s *corev1.ContainerStatus, tolerated map[string]int32) (harden.SymptomKind, string) {
	last := s.LastTerminationState.Terminated
	if w := s.State.Waiting; w != nil {
		kind, ok := hopeless[w.Reason]
		if ok && last == nil {
			return kind, said(w.Reason, w.Message)
		}
		if ok {
			return kindOfExit(last, kind), said(w.Reason, w.Message) + " (" + exit(last) + ")"
		}
	}
	if tolerated == nil {
		return "", ""
	}
	ended := s.State.Terminated
	starts := s.RestartCount
	if ended != nil && ended.ExitCode != 0 && p.Spec.RestartPolicy != corev1.RestartPolicyNever {
		starts++
	} else {
		ended = last
	}
	if starts <= tolerated[s.Name] || ended == nil {
		return "", ""
	}
	return kindOfExit(ended, harden.SymptomCrash), "it ended: " + exit(ended)
}

// kindOfExit tells from how a container ended what it points at.
func kindOfExit(t *corev1.ContainerStateTerminated, other harden.SymptomKind) harden.SymptomKind {
	switch {
	case t.Reason == "OOMKilled":
		return harden.SymptomMemory
	case t.ExitCode == exitBadSystemCall:
		return harden.SymptomSeccomp
	}
	return other
}

// exit is how a container ended, in words.
func exit(t *corev1.ContainerStateTerminated) string {
	code, ok := exitCodes[t.ExitCode]
	if !ok {
		code = fmt.Sprint(t.ExitCode)
	}
	reason := t.Reason
	if reason == "Error" {
		reason = ""
	}
	out := "last exit code " + code
	for _, more := range []string{reason, strings.TrimSpace(t.Message)} {
		if more != "" {
			out += ", " + more
		}
	}
	return out
}

func said(reason, message string) string {
	if message == "" {
		return reason
	}
	return reason + ": " + message
}

// read finds the cause in what the kubelet or the runtime says, where it does.
func read(s harden.Symptom) harden.Symptom {
	if cause, ok := symptom.Read(s.Line); ok && s.Kind == harden.SymptomCrash {
		s.Kind, s.Path, s.Port = cause.Kind, cause.Path, cause.Port
	}
	s.Line = symptom.Clean(s.Line)
	return s
}

// imageOf is the image of a container as harden.Symptom documents it.
func imageOf(p *corev1.Pod, container string) string {
	for _, kind := range []harden.ContainerKind{harden.AppContainer, harden.InitContainer} {
		ref := harden.ContainerRef{Kind: kind, Name: container}
		list := p.Spec.Containers
		if ref.List() == "initContainers" {
			list = p.Spec.InitContainers
		}
		for _, c := range list {
			if c.Name != container {
				continue
			}
			if running := harden.RunningImage(p, ref, c.Image); running != "" {
				return running
			}
			return c.Image
		}
	}
	return ""
}

// seen is what symptoms show, in one line: what ended it, and how many more there are.
func seen(symptoms []harden.Symptom) string {
	out := symptoms[0].String()
	if more := len(symptoms) - 1; more > 0 {
		out += "; then " + symptoms[1].String()
		if more > 1 {
			out += fmt.Sprintf(", and %d more", more-1)
		}
	}
	return out
}

// waitingFor is what holds a pod up without being an error yet.
func waitingFor(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s has no node yet: %s", p.Name, c.Message)
		}
	}
	return ""
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
