//go:build linux && cgo && (amd64 || arm64) && libelect_system

package celect

// #cgo pkg-config: elect
import "C"
