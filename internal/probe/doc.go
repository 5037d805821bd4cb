// Package probe looks into running containers and at the configuration of
// kubelets. Both are asked for by the user, never done by default: a look runs a
// program in the container or beside it, and is in the audit log as what it is.
//
// A look runs one small shell script (look.sh) by exec in the container, as the
// user and with the rights that the container's processes begin with. It only
// reads. Where the image has no shell and the caller set [Options].Image, the
// script runs in an ephemeral container that shares the process namespace of the
// container instead; that one ends at once and stays in the pod's spec and status
// for as long as the pod lives.
//
// # What the facts prove, and what they do not
//
// A look is a moment. Jobs that run at night, shutdown hooks, and other replicas
// are not in it. What the container could hide it can hide: the script runs in its
// shell. What could not be seen is a gap of the look, and never an empty list
// without one.
//
//   - Processes: user, groups, capabilities, no_new_privs and seccomp mode, from
//     /proc/PID/status. They prove what these processes may do now, not what a
//     program that starts later needs. A process that was started in the container
//     by somebody's exec counts as one of the container. The look's own processes
//     do not. In a pod with shared process namespace the cgroup tells whose a
//     process is.
//   - Listeners and Peers: /proc/net of the pod's network namespace, so those of
//     all containers of the pod. The direction of a connection is not in them; where
//     its local port is that of a listener it came from outside. A UDP socket
//     without a peer counts as listener, also that of a client waiting for its
//     answer. With hostNetwork they would be the sockets of the node, so they are a
//     gap.
//   - Written, open files: the links in /proc/PID/fd that are open for writing and
//     lie on the root mount, by the mount id in fdinfo. Of a process of another
//     user, or with more capabilities than the look, the kernel does not show them
//     (ptrace(2), PTRACE_MODE_READ_FSCREDS): a gap.
//   - Written, changed files: what find sees on the root file system with a change
//     time (ctime) after the creation of the container, which is the time of the
//     link /dev/fd that the runtime makes then. The start that the pod's status
//     tells is later, by seconds on a busy node. Without such a link files count
//     from that start on, or from a minute before if they were modified then too.
//     Copying with old modification times does not hide a file from it. A find
//     without exact times is asked for minutes, and its answer is filtered by stat;
//     one that knows modification times only cannot see changes of owner and mode: a
//     gap. A file that was made and removed again shows as its directory. In
//     directories that lead to mount points it does not show, because the runtime
//     changes these while it makes the container; nor does anything show that was
//     written by an earlier run of the container, which had another root.
//   - Volumes: mounts that are writable, without those of the kernel's own file
//     systems and without /etc/hosts, /etc/hostname and /etc/resolv.conf, which
//     runtimes mount read-only when the root is.
//   - Kubelet: the effective configuration of one node at that moment. A kubelet
//     reads seccompDefault when it starts.
//
// A find over a large root file system costs I/O and CPU time, which count as the
// container's. When the time of a look is over, what it saw so far is kept and the
// rest is a gap; a find that runs then ends when it next writes.
package probe
