// Package report writes findings and plans for people and for programs. Every
// writer is complete and stable: the same input gives the same bytes.
package report

// APIVersion of the documents written as JSON and YAML.
const APIVersion = "kubectl-harden.github.io/v1alpha1"
