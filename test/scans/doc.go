// Package testscans builds small images whose contents are known, and a
// vulnerability database in Trivy's format that knows some of them, for tests of
// what is found in images. Nothing is pulled: package databases are written,
// and the one program is compiled against modules that are made up here.
//
//	registry := testscans.Serve(t)
//	references := registry.PushCorpus(t)
//	database := registry.PushDatabase(t, time.Now())
//
// advisories.yaml is the database, and expectation.yaml what is to be found in
// each image. Both are written by hand: the second follows from the first and
// from what the images hold, and not from what a scanner printed.
package testscans
