// Package celect is libelect as SWIG sees it: the functions of elect.h and store.h without their prefix, and the
// constants by their names there. Handles are interfaces. What C gives through `**out` is an address, var at uintptr:
//
//	code := Client_open(options, &at)
//	client := SwigcptrElect_client(at)
//
// so that a failure is 0 and not an interface that isn't nil. libelect.c holds libelect itself; with the build tag
// libelect_system an installed one is used instead.
package celect
