package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// An execFunc runs a command in a container and writes what it prints.
type execFunc func(ctx context.Context, pod *corev1.Pod, container string, command []string, stdout io.Writer) error

// executor runs commands as kubectl exec does: over WebSocket, and over SPDY where
// a server or a proxy does not speak that.
func executor(config *rest.Config, client kubernetes.Interface) execFunc {
	return func(ctx context.Context, pod *corev1.Pod, container string, command []string, stdout io.Writer) error {
		request := client.CoreV1().RESTClient().Post().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true}, scheme.ParameterCodec)
		spdy, err := remotecommand.NewSPDYExecutor(config, "POST", request.URL())
		if err != nil {
			return fmt.Errorf("preparing an exec in pod %q: %w", pod.Name, err)
		}
		socket, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
		if err != nil {
			return fmt.Errorf("preparing an exec in pod %q: %w", pod.Name, err)
		}
		both, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
			return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
		})
		if err != nil {
			return fmt.Errorf("preparing an exec in pod %q: %w", pod.Name, err)
		}
		return both.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: stdout})
	}
}

// isNoShell reports whether an exec failed because there is no shell that could
// be started. Runtimes say it by the exit code of a shell that does not find a
// program, or by the text of runc and crun.
func isNoShell(err error) bool {
	if err == nil {
		return false
	}
	var exit exec.ExitError
	if errors.As(err, &exit) && (exit.ExitStatus() == 126 || exit.ExitStatus() == 127) {
		return true
	}
	text := err.Error()
	for _, sign := range []string{"executable file not found", "executable file `sh` not found", `exec: "sh"`, "exec sh"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// maxOutput is how many bytes of a look are kept.
const maxOutput = 2 << 20

// A buffer keeps the first maxOutput bytes and drops the rest, so that a container
// that prints without end fills no memory until its time is over.
type buffer struct {
	bytes.Buffer
	full bool
}

func (b *buffer) Write(data []byte) (int, error) {
	if free := maxOutput - b.Len(); len(data) > free {
		b.full = true
		b.Buffer.Write(data[:free])
		return len(data), nil
	}
	return b.Buffer.Write(data)
}

// marked reports whether the script began to write.
func (b *buffer) marked(mark string) bool { return bytes.Contains(b.Bytes(), []byte(mark)) }
