// Package waivers decides which findings somebody has excused, by annotations of
// objects and by the configuration, and which were there before.
package waivers
