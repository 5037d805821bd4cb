// Package compliance tells how a cluster stands against standards: which of
// their controls pass, fail, could not be judged, or cannot be seen through the
// Kubernetes API, and which findings are behind it. The standards are data, see
// the folder standards; which rules answer a control is told by the references
// of the rules, and by the data where that says more.
package compliance
