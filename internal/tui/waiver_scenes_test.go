package tui

// waiverScenes are those of waivers, reports, the log, exports and edits.
func waiverScenes() []scene {
	return nil
}
