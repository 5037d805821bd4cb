package tui

import (
	"image/color"
	"time"
)

// The screens tell the time of the day, and are compared.
func init() { time.Local = time.UTC }

func background(dark bool) color.Color {
	if dark {
		return color.Black
	}
	return color.White
}
