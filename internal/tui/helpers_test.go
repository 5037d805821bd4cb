package tui

import "image/color"

func background(dark bool) color.Color {
	if dark {
		return color.Black
	}
	return color.White
}
