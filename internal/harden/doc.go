// Package harden is the vocabulary of the program: what an object, a workload,
// a finding, a fix and a plan are. It holds types and pure functions over them;
// it does no I/O and knows no rule.
package harden

// Manager is the field manager under which every change is applied.
// It must not start with "kubectl": Flux removes such entries (and so our
// fields) before it applies its own.
const Manager = "harden"

// Domain prefixes the labels and annotations that belong to this project.
const Domain = "kubectl-harden.github.io"
