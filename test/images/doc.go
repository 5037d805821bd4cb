// Package testimages builds container images for tests against real containers: small ones, each with one need that some
// hardening takes away, and nginx, redis and postgres made from Debian's packages in the manner of their official images.
// Nothing is pulled. Programs are compiled from the folders app, gosu and readkey; Debian's packages are downloaded by
// apt-get and unpacked, never installed. Both are kept in the lab's cache, so that only the first build takes a network.
//
//	images, err := testimages.Build(ctx, "numeric", "nginx")
//	refs, err := testimages.Push(ctx, l.Registry(), images)
//	manifest, err := images[0].Manifest(refs["numeric"])
//
// [Image.Breaks] says which settings an image does not survive, and how that shows. A test against real containers holds
// that to be true, so other tests may rely on it.
package testimages
