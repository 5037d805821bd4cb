// Package plan turns chosen fixes into one change per object: it merges what
// the fixes ask for, finds where they contradict each other, says who else owns
// the object and how the change should reach it, and computes the object after
// it. It does so with the API server's own algebra (structured-merge-diff), so
// that what is shown is what a server-side apply does. It does no I/O.
//
// The schema comes from the caller as a managedfields.TypeConverter: made from
// the server's OpenAPI, or from the built-in types when there is no server.
package plan
