// Package e2e holds tests of the built program against a real control plane.
package e2e
