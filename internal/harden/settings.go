package harden

// Settings are what a team may decide for itself; the zero value is the default.
type Settings struct {
	// AllowedRegistries are image prefixes such as registry.example.com/team,
	// matched at a path boundary. Empty: image-registry-allowed does not apply.
	AllowedRegistries []string
	// MutableTags are tags that count as moving besides those built in.
	MutableTags []string
	// ImageMaxAge is how many days ago an image may have been built; zero: 180.
	ImageMaxAge int
}
