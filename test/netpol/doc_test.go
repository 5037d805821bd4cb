// Package netpol_test compares internal/netpol with an independent matcher of
// NetworkPolicies, cyclonus, on random worlds. It is a module of its own:
// cyclonus' dependencies are not the plugin's.
//
//	go test ./...                          # 1,000 worlds
//	go test ./... -args -worlds 20000      # more; they begin with the same ones
//	go test ./... -args -worlds 1 -first 7 # one of them
//
// Where the API leaves an answer to the engine (whether an ipBlock matches
// pods), cyclonus is asked for both readings. Where they agree that is the
// answer that is wanted, and where they do not it is unknown.
//
// What the worlds leave out, because cyclonus says something else than the API
// or nothing:
//
//   - NotIn for a key that an object lacks. It does not match for cyclonus; the
//     API's documentation of labels says that notin selects resources without the
//     key too. So NotIn comes with Exists of the same key.
//   - Labels with an empty value in matchLabels, which match an absent label for
//     cyclonus.
//   - A pod that connects to itself, which no policy can prevent; cyclonus has no
//     pods, only labels.
//   - Malformed policies, at which cyclonus panics, and absent policyTypes, which
//     it wants defaulted: it gets a copy with the defaults that the API server sets.
//   - One name for two ports of a protocol in a pod, for which the API says nothing.
//   - Pods on the host network and nodes, which cyclonus does not know.
package netpol_test
